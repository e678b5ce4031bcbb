//! The counters of a receiver and its observers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::about::About;
use super::answered::{AnswerKind, Answered};
use super::incident::{Incident, IncidentKind};
use super::log_limit::LogLimit;
use super::observer::Observe;
use super::stats::{Counter, Counters, Stats};
use super::store_call::{StoreCall, StoreOperation, StoreResult};
use std::time::Duration;

/// Counts all that happens in a receiver, and tells its observers.
pub(crate) struct Observers {
    counters: Counters,
    observers: Vec<Box<dyn Observe>>,
    /// The limit of lines about refusals, which strangers cause.
    pub(super) refusals: LogLimit,
    /// `false` after a call to the store that failed.
    store_answers: AtomicBool,
}

impl Observers {
    pub(crate) fn new(observers: Vec<Box<dyn Observe>>) -> Self {
        Self {
            counters: Counters::default(),
            observers,
            refusals: LogLimit::default(),
            store_answers: AtomicBool::new(true),
        }
    }

    /// Tells if there is an observer, for whom facts are worth their cost.
    pub(crate) fn any(&self) -> bool {
        !self.observers.is_empty()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Tells if the last call to the store was answered.
    pub(crate) fn store_answers(&self) -> bool {
        self.store_answers.load(Ordering::Relaxed)
    }

    /// Counts and tells an incident.
    pub(crate) fn incident(&self, kind: IncidentKind, about: Option<&About>, error: Option<&str>) {
        self.counters.incident(kind).add();
        self.tell(|observer| observer.incident(&Incident { kind, about, error }));
    }

    /// Counts an answer, and tells it. Its facts are collected only for an observer.
    pub(super) fn answered<'a>(&self, kind: AnswerKind, answered: impl FnOnce() -> Answered<'a>) {
        self.counters.answer(kind).add();
        if self.any() {
            let answered = answered();
            self.tell(|observer| observer.answered(&answered));
        }
    }

    /// Tells of a call to the store, and remembers if it was answered.
    pub(crate) fn store_called(
        &self,
        operation: StoreOperation,
        result: StoreResult,
        duration: impl FnOnce() -> Duration,
    ) {
        let answers = result == StoreResult::Ok;
        if self.store_answers() != answers {
            self.store_answers.store(answers, Ordering::Relaxed);
        }
        if self.any() {
            let call = StoreCall {
                operation,
                result,
                duration: duration(),
            };
            self.tell(|observer| observer.store_called(&call));
        }
    }

    pub(super) fn count(&self, counter: impl FnOnce(&Counters) -> &Counter) {
        counter(&self.counters).add();
    }

    /// Calls each observer. A panic of one is neither another one's matter nor the event's.
    pub(super) fn tell(&self, tell: impl Fn(&dyn Observe)) {
        for observer in &self.observers {
            if catch_unwind(AssertUnwindSafe(|| tell(&**observer))).is_err() {
                self.counters.incident(IncidentKind::ObserverPanicked).add();
                tracing::error!("an observer panicked");
            }
        }
    }
}
