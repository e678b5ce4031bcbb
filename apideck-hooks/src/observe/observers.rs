//! The counters of a receiver and its observers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
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
    /// The second after `since` in which losses were looked for, from 1.
    losses_looked: AtomicU64,
    /// The losses that were told.
    losses: Mutex<[u64; 2]>,
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
            losses_looked: AtomicU64::new(0),
            losses: Mutex::default(),
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
        self.incidents(kind, 1, about, error);
    }

    fn incidents(&self, kind: IncidentKind, count: u64, about: Option<&About>, error: Option<&str>) {
        self.counters.incident(kind).add_many(count);
        self.tell(|observer| {
            observer.incident(&Incident {
                kind,
                about,
                error,
                count,
            });
        });
    }

    /// Counts and tells the records that the store has given up since the last look. Looks at most
    /// once a second, because a store can need some time to count them.
    pub(crate) fn look_for_losses(&self, now: Instant, losses: impl FnOnce() -> [(IncidentKind, u64); 2]) {
        let second = now.saturating_duration_since(self.since).as_secs() + 1;
        if self.losses_looked.load(Ordering::Relaxed) >= second {
            return;
        }
        self.losses_looked.store(second, Ordering::Relaxed);
        let new = {
            let mut told = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
            let losses = losses();
            let before = std::mem::replace(&mut *told, losses.map(|(_, count)| count));
            [0, 1].map(|n| (losses[n].0, losses[n].1.saturating_sub(before[n])))
        };
        for (kind, count) in new.into_iter().filter(|(_, count)| *count > 0) {
            self.incidents(kind, count, None, None);
        }
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
