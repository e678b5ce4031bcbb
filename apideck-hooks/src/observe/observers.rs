//! The counters of a receiver and its observers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::about::About;
use super::answered::{AnswerKind, Answered};
use super::incident::{Incident, IncidentKind};
use super::log_limit::LogLimit;
use super::observer::Observe;
use super::stats::{Counter, Counters, Stats};
use super::store_call::{StoreCall, StoreOperation, StoreResult};

/// Time for which a receiver is not ready after a call to the store that failed.
const NOT_READY: Duration = Duration::from_secs(10);

/// Counts all that happens in a receiver, and tells its observers.
pub(crate) struct Observers {
    counters: Counters,
    observers: Vec<Box<dyn Observe>>,
    /// The limit of lines about refusals, which strangers cause.
    pub(super) refusals: LogLimit,
    /// The limit of lines about contradictions, which one captured body causes.
    pub(super) contradictions: LogLimit,
    /// The limit of lines about clients that left.
    pub(super) abandoned: LogLimit,
    since: Instant,
    /// Milliseconds from `since` to the last call to the store, if that failed. Otherwise 0.
    store_failed: AtomicU64,
}

impl Observers {
    pub(crate) fn new(observers: Vec<Box<dyn Observe>>) -> Self {
        Self {
            counters: Counters::default(),
            observers,
            refusals: LogLimit::default(),
            contradictions: LogLimit::default(),
            abandoned: LogLimit::default(),
            since: Instant::now(),
            store_failed: AtomicU64::new(0),
        }
    }

    /// Tells if there is an observer, for whom facts are worth their cost.
    pub(crate) fn any(&self) -> bool {
        !self.observers.is_empty()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Tells if the last call to the store was answered, or is some time ago.
    ///
    /// Only a delivery calls the store, and a receiver that is not ready gets none. So a failure
    /// does not count for ever.
    pub(crate) fn store_answers(&self) -> bool {
        match self.store_failed.load(Ordering::Relaxed) {
            0 => true,
            at => self.since.elapsed() >= Duration::from_millis(at) + NOT_READY,
        }
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
        if result != StoreResult::Ok {
            let at = self.since.elapsed().as_millis().max(1);
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            self.store_failed.store(at, Ordering::Relaxed);
        } else if self.store_failed.load(Ordering::Relaxed) != 0 {
            self.store_failed.store(0, Ordering::Relaxed);
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
