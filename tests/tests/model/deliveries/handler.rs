//! The scripted handler and its journal.

use super::scenario::{Ending, Run};
use super::{MAX_ATTEMPTS, RESTS};
use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Delivery, Failure, Outcome, Permanent, State, on};
use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The journal of an event, shared by all receivers.
#[derive(Default)]
pub(super) struct Journal {
    script: VecDeque<Run>,
    /// The last run's attempt, and its begin.
    last: Option<(u32, Instant)>,
    /// `true` after a successful run.
    pub(super) good: bool,
    /// `true` after a `2xx` for an event that was settled or kept.
    pub(super) acknowledged: bool,
    pub(super) purge: Option<Purge>,
    /// `true` if an operator may have ended the rest since the last run.
    pub(super) rest_ended: bool,
    /// `true` if a shutdown has stopped a run since the last begin. Such a run may not count.
    stopped: bool,
    pub(super) faults: Vec<String>,
}

/// A purge by an operator.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Purge {
    Perhaps,
    Certain,
}

/// The longest time from a grant to the begin of its run: the time limit of a call to the store.
const SLACK: Duration = Duration::from_secs(6);

impl Journal {
    pub(super) fn new(script: &[Run]) -> Self {
        Journal {
            script: script.iter().copied().collect(),
            ..Journal::default()
        }
    }

    /// Notes the begin of a run, and the promises that it breaks. A replay has no rest and no limit
    /// of attempts.
    fn begin(&mut self, attempt: u32, is_replay: bool) -> Run {
        let last = self.last.replace((attempt, Instant::now()));
        if self.purge == Some(Purge::Certain) {
            self.faults.push("runs after it was purged".to_owned());
        }
        let stopped = std::mem::take(&mut self.stopped);
        if last.is_some_and(|(last, _)| last >= attempt + u32::from(stopped)) {
            self.faults.push(format!("attempt {attempt} after {last:?}"));
        }
        let rest_ended = std::mem::take(&mut self.rest_ended) || stopped;
        if !is_replay {
            self.check_delivery(attempt, last, rest_ended);
        }
        self.script.pop_front().unwrap_or(Run {
            seconds: 0,
            end: Ending::Succeed,
        })
    }

    fn check_delivery(&mut self, attempt: u32, last: Option<(u32, Instant)>, rest_ended: bool) {
        if self.acknowledged {
            self.faults.push("runs after its acknowledgement".to_owned());
        }
        if attempt > MAX_ATTEMPTS {
            self.faults.push(format!("attempt {attempt}"));
        }
        let Some((last, begin)) = last.filter(|_| !rest_ended) else {
            return;
        };
        let rest = Duration::from_secs(RESTS[RESTS.len().min(last as usize) - 1]);
        let paused = begin.elapsed();
        if paused + SLACK < rest {
            self.faults.push(format!(
                "attempt {attempt} comes {paused:?} after attempt {last}, and the rest is {rest:?}"
            ));
        }
    }
}

/// The state of a receiver's handler.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) journals: Arc<[Mutex<Journal>]>,
    pub(super) crashed: watch::Receiver<bool>,
    /// Becomes `true` with a shutdown.
    pub(super) stopping: Arc<AtomicBool>,
}

/// Notes in the journal that a shutdown has dropped the run.
struct Running<'a>(&'a Handler, &'a Mutex<Journal>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.stopping.load(Ordering::SeqCst) {
            self.1.lock().expect("no panic").stopped = true;
        }
    }
}

#[on("*")]
pub(super) async fn scripted(
    _event: AnyEvent,
    delivery: Delivery,
    State(handler): State<Handler>,
) -> Outcome {
    let event = delivery
        .event_id()
        .and_then(|id| id.parse::<usize>().ok())
        .expect("an id");
    let journal = &handler.journals[event];
    if *handler.crashed.borrow() {
        return pending().await;
    }
    let is_replay = delivery.headers().is_empty();
    let run = journal
        .lock()
        .expect("no panic")
        .begin(delivery.attempt(), is_replay);
    let running = Running(&handler, journal);
    sleep(Duration::from_secs(run.seconds)).await;
    if matches!(run.end, Ending::Hang) {
        return pending().await;
    }
    std::mem::forget(running);
    if *handler.crashed.borrow() {
        return pending().await;
    }
    match run.end {
        Ending::Succeed | Ending::Ignore => {
            journal.lock().expect("no panic").good = true;
            if matches!(run.end, Ending::Ignore) {
                Outcome::Ignore
            } else {
                Outcome::Done
            }
        }
        Ending::Fail => Outcome::Retry(Failure::retry("not now")),
        Ending::FailUntil => Outcome::Retry(Failure::retry_after(Duration::from_secs(30), "not now")),
        Ending::Refuse => Failure::from(Permanent("never")).into(),
        Ending::Panic => panic!("told to panic"),
        Ending::Hang => unreachable!("it does not return"),
    }
}
