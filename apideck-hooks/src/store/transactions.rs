//! Transactions of a store, for handlers that take one.
//!
//! The event is claimed in the transaction and marked as done in it. So one commit settles the
//! event and the handler's effects together.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;
use super::values::{Claim, Claimed, End};

/// The transactions of a store.
///
/// Only the stores of this crate have transactions. A store that wraps one of them returns the
/// inner store's transactions from [`Store::transactions`](super::Store::transactions).
#[async_trait]
pub trait Transactions: sealed::Sealed + Send + Sync {
    /// Returns the name of the database, as in `Tx<…>`.
    #[doc(hidden)]
    fn database(&self) -> &'static str;

    /// Begins a transaction and claims the event in it.
    ///
    /// It waits up to `wait` for a free connection. The store bounds the wait for another
    /// transaction of the same event.
    #[doc(hidden)]
    async fn begin(&self, claim: Claim, wait: Duration) -> Result<Begun, StoreError>;

    /// Counts an attempt whose transaction was rolled back.
    ///
    /// It claims the event and records the end in one atomic step. Both happen only if the claim is
    /// granted for the record of [`Claim::event`].
    #[doc(hidden)]
    async fn count(&self, claim: Claim, end: End) -> Result<Claimed, StoreError>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The result of beginning a transaction.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub enum Begun {
    /// The claim is granted until the transaction ends.
    Open(Open),
    /// The claim was not granted. The transaction has ended.
    NotGranted(Claimed),
    /// Another transaction of the same event is open.
    Locked,
    /// Too many transactions are open.
    Busy,
}

/// An open transaction in which the event is claimed.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Open {
    /// The result of the claim: [`Verdict::Granted`](super::Verdict::Granted).
    pub claimed: Claimed,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// The handler's `Tx`.
    pub tx: AnyTx,
    /// Commits or rolls back.
    pub ending: Box<dyn Ending>,
}

/// A `Tx` of some database.
pub(crate) type AnyTx = Box<dyn Any + Send>;

/// The end of a transaction. Dropping it rolls the transaction back.
///
/// Commit and rollback run in tasks of their own, so neither is dropped half-way. The handler's
/// `Tx` must have been dropped. If it was not, nothing is committed.
#[doc(hidden)]
#[async_trait]
pub trait Ending: Send {
    /// Marks the event as done and commits.
    async fn commit(self: Box<Self>) -> Committed;

    /// Rolls back. Returns when the rollback is done, or when it was given up and the connection
    /// closed.
    async fn roll_back(self: Box<Self>);
}

/// The result of a commit.
#[doc(hidden)]
#[derive(Debug)]
pub enum Committed {
    /// The transaction was committed.
    Yes,
    /// The transaction was rolled back.
    No(StoreError),
    /// The transaction was either committed or rolled back.
    Unknown(StoreError),
}

/// The error of a handler that has moved its `Tx` somewhere else.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const TX_STILL_HELD: &str =
    "the handler has returned, and its `Tx` was not dropped: drop it before the handler returns";

/// The error of a handler that has sent its own `COMMIT` or `ROLLBACK`, or has left a savepoint
/// open.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const TX_ENDED_BY_HANDLER: &str = "the handler has ended its transaction itself: send no `COMMIT` or `ROLLBACK`, because the receiver \
     commits when the handler returns";
