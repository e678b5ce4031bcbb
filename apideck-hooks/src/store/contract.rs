//! The trait that every store implements.

use std::time::Duration;

use async_trait::async_trait;

use super::dead_letters::DeadLetterStore;
use super::error::StoreError;
use super::inbox_store::InboxStore;
use super::losses::Losses;
use super::transactions::Transactions;
use super::values::{Claim, Claimed, End, Grant, Held, Status};
use crate::delivery::Key;

/// Remembers events: the running ones, and the settled ones.
///
/// A store keeps one record for each event. The record has a state:
///
/// | state | meaning |
/// | --- | --- |
/// | `RUNNING` | A claim holds the record under a token, a claim id and a lease. |
/// | `RELEASED` | The last run did not settle the event. It can be claimed after its rest. |
/// | `WAITING` | The inbox has accepted the event. A worker claims it when it is due. |
/// | `DONE` | The event was handled, ignored or purged. |
/// | `DEAD` | The event was dead-lettered. |
///
/// # Rules
///
/// - Each operation is atomic.
/// - Every end but `DONE` is read off the record. A record that keeps a letter is `DEAD`, one that
///   was accepted is `WAITING`, else it is `RELEASED`. This also holds for a lease that has ended
///   without an end. Only a store of this crate accepts events.
/// - A dead letter stays until its record becomes `DONE`. It stays through every run in between.
/// - [`renew`](Store::renew) and [`finish`](Store::finish) change a record only if it is `RUNNING`
///   under the same token and claim id. A lease that has ended still holds until another claim is
///   granted.
/// - An end that is sent again is answered [`Held::Yes`] and changes nothing. A claim that is sent
///   again while its lease lasts gets the same grant. A refusal is decided anew.
/// - A record's token only grows. It is the greater of the last token plus one and the store's
///   clock in microseconds.
/// - Times are compared by the store's clock alone. A lease and a rest are kept with their lengths,
///   and are never longer than their length from now. A claim writes down a time that is. So a
///   clock that was set back keeps nobody waiting.
/// - A record without a body is kept for the store's retention, counted from its last change. The
///   end of that time is kept in the record and only grows. An expired record counts as absent.
/// - A dropped future leaves the record as it was before the operation, or as it is after it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Claims an event for a lease.
    ///
    /// The store claims the record to which [`Claim::alias`] is bound, if it still has that record.
    /// Otherwise it claims the record of [`Claim::event`].
    ///
    /// The claim is granted if the record is absent, or `RELEASED` and not resting. The record then
    /// becomes `RUNNING` under a new token and the claim's id, and counts one attempt more. Its
    /// rest begins now, with the length of [`Claim::rests`] for this attempt. A granted claim binds
    /// its alias to the record. No other claim does.
    ///
    /// A [`Claim::last`] writes its letter before that.
    ///
    /// # Errors
    ///
    /// The store failed. The claim may have been granted all the same.
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError>;

    /// Starts the lease again if the grant holds.
    ///
    /// # Errors
    ///
    /// The store failed. The lease may have been renewed all the same.
    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError>;

    /// Ends the run if the grant holds.
    ///
    /// # Errors
    ///
    /// The store failed. The end may have been recorded all the same.
    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError>;

    /// Returns the record's state.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn status(&self, record: Key) -> Result<Status, StoreError>;

    /// Ends the rest of a record that is not `RUNNING`. Returns `true` if the record rested.
    ///
    /// # Errors
    ///
    /// The store failed. The rest may have been ended all the same.
    async fn end_rest(&self, record: Key) -> Result<bool, StoreError>;

    /// Returns the store's dead letters. `None` if the store does not keep them.
    ///
    /// Return `Some` only if a dead letter survives a restart, because the receiver then
    /// acknowledges a dead-lettered event to Apideck.
    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        None
    }

    /// Returns the store's transactions. `None` if handlers cannot take one.
    ///
    /// A store that wraps another store returns the transactions of the inner store.
    fn transactions(&self) -> Option<&dyn Transactions> {
        None
    }

    /// Returns the store's inbox. `None` if the store cannot accept events for workers.
    ///
    /// A store that wraps another store returns the inbox of the inner store.
    fn inbox(&self) -> Option<&dyn InboxStore> {
        None
    }

    /// Returns `true` if several processes can share the store's records.
    ///
    /// The receiver then requires a [`source`](crate::HooksBuilder::source), because two services
    /// without one would take each other's events for duplicates.
    fn is_shared(&self) -> bool {
        false
    }

    /// Returns the number of records that this store has given up. Receivers tell of them.
    ///
    /// A store that wraps another store returns the numbers of the inner store.
    fn losses(&self) -> Losses {
        Losses::default()
    }

    /// Returns `true` if the store forgets its records at a restart.
    fn is_volatile(&self) -> bool {
        false
    }

    /// Claims without a future on the heap. `None` from a store that can wait.
    #[doc(hidden)]
    fn claim_without_future(&self, _: &Claim, _: Internal) -> Option<Claimed> {
        None
    }

    /// Finishes without a future on the heap. `None` from a store that can wait.
    #[doc(hidden)]
    fn finish_without_future(&self, _: Grant, _: &End, _: Internal) -> Option<Held> {
        None
    }

    /// Returns the store's name for error messages.
    #[doc(hidden)]
    fn type_name(&self, _: Internal) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// Makes a method of [`Store`] one that only this crate can override and call, because no other
/// crate can name this type.
#[derive(Debug)]
pub struct Internal;

impl dyn Store {
    /// Claims if the store need not wait.
    #[doc(hidden)]
    pub fn claim_at_once(&self, claim: &Claim) -> Option<Claimed> {
        self.claim_without_future(claim, Internal)
    }

    /// Finishes if the store need not wait.
    #[doc(hidden)]
    pub fn finish_at_once(&self, grant: Grant, end: &End) -> Option<Held> {
        self.finish_without_future(grant, end, Internal)
    }
}
