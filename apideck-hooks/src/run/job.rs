//! One delivery, ready to run.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::retry::Retry;
use crate::delivery::{ClaimLost, Keys, RunFacts};
use crate::handler::Outcome;
use crate::observe::About;
use crate::store::{AnyTx, DeadLetter, Grant};

/// One delivery, ready to run.
pub(crate) struct Job<H> {
    pub(crate) keys: Keys,
    /// The current time or an earlier one. A lease is counted from it.
    pub(crate) now: Instant,
    /// The source of a replayed dead letter. Any failure dead-letters the event again. `None` for a
    /// delivery.
    pub(crate) replay_of: Option<String>,
    /// `true` if this can be Apideck's last delivery of the event.
    pub(crate) last: bool,
    /// `true` if the handler takes the store's transaction.
    pub(crate) transactional: bool,
    /// Present if a worker runs the job. Boxed, because most jobs are deliveries.
    pub(crate) worker: Option<Box<WorkerPart>>,
    /// Held until the delivery is settled or waits for another one.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// The event, if there is an observer.
    pub(crate) about: Option<Arc<About>>,
    pub(crate) handler: H,
}

/// The part of a job that only a worker's has.
pub(crate) struct WorkerPart {
    /// The policy by which the event runs again.
    pub(crate) retry: Retry,
    /// The time since the event's first run, or since its acceptance, and when it was read.
    pub(crate) age: (Duration, Instant),
    /// The random number of this run's delay.
    pub(crate) jitter: u64,
    /// The claim, if the store has granted it already.
    pub(crate) fetched: Option<FetchedClaim>,
}

/// A claim that the store has granted before the job was made.
pub(crate) struct FetchedClaim {
    pub(crate) grant: Grant,
    pub(crate) attempt: u32,
    pub(crate) lease_end: Instant,
}

impl WorkerPart {
    /// Tells if the time is over within which the event runs again.
    pub(super) fn is_over(&self) -> bool {
        let (age, at) = self.age;
        age.saturating_add(at.elapsed()) >= self.retry.limit()
    }

    /// Returns the time after which the event runs again.
    pub(super) fn delay(&self, attempt: u32) -> Duration {
        self.retry.delay(attempt, self.jitter)
    }
}

/// The handler of a job.
pub(crate) trait EventHandler: Send {
    /// Starts the handler. Called again only if its transaction conflicted with another one.
    fn run(&mut self, run: RunFacts, transaction: Option<AnyTx>) -> impl Future<Output = Outcome> + Send;

    /// Returns the signal that the run has lost its claim.
    fn claim_lost(&self) -> ClaimLost;

    /// Tells the error of the event's run.
    fn failed(&self, error: &str);

    /// Makes the dead letter of the event, with this error.
    fn letter(&self, error: String) -> DeadLetter;

    /// Tells that the store keeps a letter of the event, so its delivery can be acknowledged.
    fn letter_was_kept(&self);
}
