//! The trait that every store implements.

use std::time::Duration;

use async_trait::async_trait;

use super::dead_letters::DeadLetterStore;
use super::error::StoreError;
use super::transactions::Transactions;
use super::values::{Claim, Claimed, End, Held, Status, Token};
use crate::delivery::Key;

/// Remembers events: the running ones, and the settled ones.
///
/// A store keeps one record for each event. A record has one of four states:
///
/// | state | meaning |
/// | --- | --- |
/// | `RUNNING` | A delivery holds the record under a token and a lease. |
/// | `RELEASED` | A run failed or was stopped. A retry can claim the record. |
/// | `DONE` | The event was handled or ignored. |
/// | `DEAD` | The event was dead-lettered. |
///
/// # Rules
///
/// - Each operation is atomic.
/// - A record's token only grows. So an owner whose lease has ended cannot overwrite the changes of
///   its successor.
/// - Leases are compared by the store's clock alone.
/// - A record that is not `RUNNING` is kept for the store's retention, counted from its last
///   change. A failed run does not delete it.
/// - A dropped future leaves the record as it was before the operation, or as it is after it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Claims an event for a lease.
    ///
    /// The store claims the record that [`Claim::delivery`] is bound to, if it still keeps that
    /// record. Otherwise it claims the record of [`Claim::event`].
    ///
    /// If the delivery key is not bound yet, the store binds it to the record, in any state of the
    /// record. At most [`MAX_ALIASES`](super::MAX_ALIASES) keys are bound to one record.
    ///
    /// The claim is granted if the record is absent, `RELEASED`, or `RUNNING` under a lease that
    /// has ended. The record becomes `RUNNING` under a token greater than all earlier ones, and
    /// counts one attempt more.
    ///
    /// # Errors
    ///
    /// The store failed. The claim may have been granted all the same.
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError>;

    /// Starts the lease again if the record is `RUNNING` under this token.
    ///
    /// # Errors
    ///
    /// The store failed. The lease may have been renewed all the same.
    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError>;

    /// Ends the run if the record is `RUNNING` under this token.
    ///
    /// # Errors
    ///
    /// The store failed. The end may have been recorded all the same.
    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError>;

    /// Returns the record's state.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn status(&self, record: Key) -> Result<Status, StoreError>;

    /// Returns the store's dead letters. `None` if the store does not keep them.
    ///
    /// Return `Some` only if a dead letter's body and error survive a restart, because the receiver
    /// then acknowledges a dead-lettered event to Apideck.
    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        None
    }

    /// Returns the store's transactions. `None` if handlers cannot take one.
    ///
    /// A store that wraps another store returns the transactions of the inner store. The receiver
    /// does not call `claim`, `renew` and `finish` for an event whose handler takes a transaction.
    fn transactions(&self) -> Option<&dyn Transactions> {
        None
    }

    /// Claims without a future on the heap. `None` from a store that can wait.
    #[doc(hidden)]
    fn claim_at_once(&self, _: &Claim) -> Option<Claimed> {
        None
    }

    /// Finishes without a future on the heap. `None` from a store that can wait.
    #[doc(hidden)]
    fn finish_at_once(&self, _: Key, _: Token, _: &End) -> Option<Held> {
        None
    }

    /// Returns the store's name for error messages.
    #[doc(hidden)]
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}
