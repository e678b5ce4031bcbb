//! Transactions of a store, for handlers that take one.
//!
//! The claim commits by itself, as for every handler. The handler's effects and the end `DONE` are
//! one transaction. So one commit settles the event and the effects together.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;
use super::values::Grant;

/// The transactions of a store.
///
/// Only the stores of this crate have transactions. A store that wraps one of them returns the
/// inner store's transactions from [`Store::transactions`](super::Store::transactions).
#[async_trait]
pub trait Transactions: sealed::Sealed + Send + Sync {
    /// Returns the name of the database, as in `Tx<…>`.
    #[doc(hidden)]
    fn database(&self) -> &'static str;

    /// Returns the number of transactions that can be open at once. `None` if there is no limit of
    /// the store's own.
    #[doc(hidden)]
    fn at_once(&self) -> Option<u32>;

    /// Returns the time limit of a transaction. The store rolls it back then. So the receiver ends
    /// the handler, which may not notice it otherwise. `None` if there is no limit of the store's
    /// own.
    #[doc(hidden)]
    fn limit(&self) -> Option<Duration> {
        None
    }

    /// Begins a transaction. It waits up to `wait` for a free connection.
    #[doc(hidden)]
    async fn begin(&self, wait: Duration) -> Result<Begun, StoreError>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The result of beginning a transaction.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub enum Begun {
    /// The transaction is open.
    Open {
        /// The handler's `Tx`.
        tx: AnyTx,
        /// Commits or rolls back.
        ending: Box<dyn Ending>,
    },
    /// Too many transactions are open.
    Busy,
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
    /// Records the end [`End::Done`](super::End::Done) under the grant, and commits. If the grant
    /// was lost, it rolls back.
    async fn commit(self: Box<Self>, grant: Grant) -> Committed;

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
    /// Another delivery has taken the claim. The transaction was rolled back.
    Lost,
    /// The transaction was rolled back, because it conflicted with another one. Run again, it can
    /// succeed.
    Conflict(StoreError),
    /// The run counts as failed, and nothing was committed. Behind a pooler that may be wrong, and
    /// the record tells.
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
