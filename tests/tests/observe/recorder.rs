//! An observer that records what it is told.

use apideck_hooks::observe::{Answered, Incident, Observe, RunEnded, RunStarted, StoreCall};
use std::sync::{Arc, Mutex};

/// The told things, each in one line. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn note(&self, line: String) {
        self.0.lock().expect("no panic").push(line);
    }

    /// Returns the lines and forgets them.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }

    /// Counts the lines that begin so.
    pub(crate) fn count(&self, begin: &str) -> u64 {
        let lines = self.0.lock().expect("no panic");
        lines.iter().filter(|line| line.starts_with(begin)).count() as u64
    }
}

impl Observe for Recorder {
    fn answered(&self, answered: &Answered<'_>) {
        let id = answered.about.and_then(|about| about.event_id.as_deref());
        let handler = answered.about.and_then(|about| about.handler);
        let status = answered
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        self.note(format!(
            "answered {} {status} {} {}",
            answered.kind,
            id.unwrap_or("-"),
            handler.unwrap_or("-")
        ));
    }

    fn run_started(&self, run: &RunStarted<'_>) {
        self.note(format!("started {} of {}", run.attempt, run.max_attempts));
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        self.note(format!("ended {} {}", run.outcome, run.error.unwrap_or("-")));
    }

    fn store_called(&self, call: &StoreCall) {
        self.note(format!(
            "store {} {}",
            call.operation.as_str(),
            call.result.as_str()
        ));
    }

    fn incident(&self, incident: &Incident<'_>) {
        let id = incident.about.and_then(|about| about.event_id.as_deref());
        self.note(format!("incident {} {}", incident.kind, id.unwrap_or("-")));
    }
}
