//! What a store has to do.

use super::dead_letters::DeadLetterStore;
use super::error::StoreError;
use super::transactions::Transactions;
use super::values::{Claim, Claimed, End, Held, Status, Token};
use crate::delivery::Key;
use async_trait::async_trait;
use std::time::Duration;

/// Remembers which events are being handled and which are settled.
///
/// Every operation is atomic. A record is `RUNNING` under a token and a lease, `RELEASED`, `DONE` or `DEAD`; the token
/// only grows while the record lives, so an owner whose lease ran out can never overwrite its successor. Leases are
/// compared by the store's clock alone. A record that is not `RUNNING` is kept for the store's retention after it was
/// last changed; a failure never deletes it.
///
/// A dropped future must leave the record as it was or as it would be after the operation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// FirstHandlers an event for a lease.
    ///
    /// The record is the one that [`Claim::delivery`] is bound to, if it is bound to one that is still kept, else that
    /// of [`Claim::event`]. An unbound delivery key is bound to the record, whatever its state; a store may bind at
    /// most [`MAX_ALIASES`](super::MAX_ALIASES) keys to one record. A record that is absent, `RELEASED`, or `RUNNING` past its lease becomes
    /// `RUNNING` under a token greater than all before, with one attempt more.
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError>;

    /// Starts the lease again, if the record is `RUNNING` under this token.
    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError>;

    /// Settles the record, if it is `RUNNING` under this token.
    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError>;

    /// What the record's state is.
    async fn status(&self, record: Key) -> Result<Status, StoreError>;

    /// The events that were set aside, if the store keeps them past a restart, with body and error. Only then is setting
    /// an event aside acknowledged to Apideck.
    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        None
    }

    /// The store's transactions, if handlers can take them. A store that wraps another one hands on what that one
    /// returns; `claim`, `renew` and `finish` are not called for an event whose handler takes one.
    fn transactions(&self) -> Option<&dyn Transactions> {
        None
    }

    /// [`claim`](Store::claim) for a store that never waits, which spares it a future on the heap; none for any other.
    #[doc(hidden)]
    fn claim_at_once(&self, _: &Claim) -> Option<Claimed> {
        None
    }

    /// [`finish`](Store::finish) for a store that never waits; none for any other.
    #[doc(hidden)]
    fn finish_at_once(&self, _: Key, _: Token, _: &End) -> Option<Held> {
        None
    }

    /// What an error calls it.
    #[doc(hidden)]
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}
