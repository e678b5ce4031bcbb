//! Handlers that run in a transaction of the store, in which their event is marked as done too.

use super::error::StoreError;
use super::values::{Claim, Claimed, End};
use async_trait::async_trait;
use std::any::Any;
use std::time::Duration;

/// A store's transactions, for handlers that take one as a parameter.
///
/// The stores of this crate alone have them. A store that wraps such a one hands on what
/// [`Store::transactions`](super::Store::transactions) of that one returns.
#[async_trait]
pub trait Transactions: sealed::Sealed + Send + Sync {
    /// Whose connections they are on: what stands in `Tx<…>`.
    #[doc(hidden)]
    fn database(&self) -> &'static str;

    /// Begins one and claims the event in it. Waits no longer than this for a turn, and bounded by the store for another's
    /// transaction about the same event.
    #[doc(hidden)]
    async fn begin(&self, claim: Claim, patience: Duration) -> Result<Begun, StoreError>;

    /// Counts an attempt whose transaction was rolled back: claims the event, and settles it so, in one step that nothing
    /// can come into. If it was granted, and is the record of [`Claim::event`], that was done; else nothing was.
    #[doc(hidden)]
    async fn count(&self, claim: Claim, end: End) -> Result<Claimed, StoreError>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// What became of beginning.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub enum Begun {
    /// The event is the caller's until the transaction ends.
    Open(Open),
    /// The event is not to be claimed. The transaction has ended.
    Not(Claimed),
    /// Another transaction about the same event is open.
    Locked,
    /// Too many are open.
    Busy,
}

/// An open transaction, whose event is claimed in it.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Open {
    /// The record and what became of the claim; [`Verdict::Granted`](super::Verdict::Granted).
    pub claimed: Claimed,
    /// How often the event was claimed, this time included.
    pub attempt: u32,
    /// What the handler takes: a `Tx`.
    pub tx: AnyTx,
    /// How it ends.
    pub ending: Box<dyn Ending>,
}

/// A `Tx` of some database.
pub(crate) type AnyTx = Box<dyn Any + Send>;

/// Ends a transaction; dropped, it is rolled back. The handler has given it back by then: if not, nothing is committed.
/// Each does its work in a task of its own, which is never dropped half-way.
#[doc(hidden)]
#[async_trait]
pub trait Ending: Send {
    /// Marks the event as done, and commits.
    async fn commit(self: Box<Self>) -> Committed;

    /// Rolls back. Ready when that is done, or was given up and the connection closed.
    async fn roll_back(self: Box<Self>);
}

/// What became of a commit.
#[doc(hidden)]
#[derive(Debug)]
pub enum Committed {
    /// All of it is there.
    Yes,
    /// Nothing of it is.
    No(StoreError),
    /// The one or the other.
    Unknown(StoreError),
}

/// For a handler that has put its transaction somewhere.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const KEPT: &str =
    "the handler has not given its transaction back: nothing else may hold a `Tx` when it returns";

/// For a handler that has sent a `COMMIT` or `ROLLBACK` of its own, or has lost track of its savepoints.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const ENDED: &str = "the handler has ended its transaction by itself: return, and it is committed";
