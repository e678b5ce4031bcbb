//! One delivery, ready to run.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::delivery::{ClaimLost, Keys, RunFacts};
use crate::handler::Outcome;
use crate::observe::About;
use crate::store::{AnyTx, DeadLetter};

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
    /// Held until the delivery is settled or waits for another one.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// The event, if there is an observer.
    pub(crate) about: Option<Arc<About>>,
    pub(crate) handler: H,
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
