//! A run of a handler, from its start to its end.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Span;

use super::about::About;
use super::observers::Observers;
use super::run::{RunEnded, RunOutcome, RunStarted};

/// The event and the attempt of a run.
#[derive(Clone)]
pub(crate) struct RunOf {
    /// `None` if there is no observer.
    pub(crate) about: Option<Arc<About>>,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
}

impl RunOf {
    /// The attempt of a granted claim. Records it in the current span.
    pub(crate) fn granted(about: Option<Arc<About>>, attempt: u32, max_attempts: u32) -> Self {
        let span = Span::current();
        if !span.is_disabled() {
            span.record("attempt", format_args!("{attempt} of {max_attempts}"));
        }
        Self {
            about,
            attempt,
            max_attempts,
        }
    }
}

/// A run that has started. It is told once how it ended.
pub(crate) struct ObservedRun<'a> {
    observers: &'a Observers,
    of: RunOf,
    /// `None` if there is no observer.
    started: Option<Instant>,
    ended: bool,
}

impl<'a> ObservedRun<'a> {
    /// Tells that a run begins.
    pub(crate) fn start(observers: &'a Observers, of: RunOf) -> Self {
        observers.count(|counters| &counters.runs);
        if let Some(about) = &of.about {
            let run = RunStarted {
                about,
                attempt: of.attempt,
                max_attempts: of.max_attempts,
            };
            observers.tell(|observer| observer.run_started(&run));
        }
        Self {
            observers,
            started: of.about.is_some().then(Instant::now),
            of,
            ended: false,
        }
    }

    /// Tells how the run ended.
    pub(crate) fn end(mut self, outcome: RunOutcome, error: Option<&str>) {
        self.tell(outcome, error);
    }

    fn tell(&mut self, outcome: RunOutcome, error: Option<&str>) {
        self.ended = true;
        self.observers.count(|counters| counters.run(outcome));
        if let (Some(about), Some(started)) = (&self.of.about, self.started) {
            let run = RunEnded {
                about,
                attempt: self.of.attempt,
                max_attempts: self.of.max_attempts,
                outcome,
                error,
                duration: started.elapsed(),
            };
            self.observers.tell(|observer| observer.run_ended(&run));
        }
    }
}

impl Drop for ObservedRun<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(RunOutcome::Dropped, None);
        }
    }
}
