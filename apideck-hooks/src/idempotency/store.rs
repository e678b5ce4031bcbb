//! What a store has to do.

use super::dead_letters::{DeadLetter, DeadLetters};
use super::transactions::Transactions;
use crate::delivery::Key;
use async_trait::async_trait;
use std::fmt;
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
    /// Claims an event for a lease.
    ///
    /// The record is the one that [`Claim::delivery`] is bound to, if it is bound to one that is still kept, else that
    /// of [`Claim::event`]. An unbound delivery key is bound to the record, whatever its state; a store may bind at
    /// most [`MAX_ALIASES`] keys to one record. A record that is absent, `RELEASED`, or `RUNNING` past its lease becomes
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
    fn dead_letters(&self) -> Option<&dyn DeadLetters> {
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

/// How many delivery keys are bound to one record at the most: who replays a captured body under ever new keys must
/// not fill the store.
pub const MAX_ALIASES: usize = 8;

/// What to claim.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Names the record.
    pub event: Key,
    /// Another name for the record, bound to it at first sight.
    pub delivery: Option<Key>,
    /// How long the claim holds without [`Store::renew`].
    pub lease: Duration,
}

impl Claim {
    /// A claim of this event.
    pub fn new(event: Key, delivery: Option<Key>, lease: Duration) -> Self {
        Claim {
            event,
            delivery,
            lease,
        }
    }
}

/// A fencing token: grows with every claim of a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// The answer to a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// The record, for all that follows: not [`Claim::event`] if the delivery key was bound to another.
    pub record: Key,
    /// What became of the claim.
    pub verdict: Verdict,
}

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the caller's.
    Granted {
        /// To renew and finish with.
        token: Token,
        /// How often the record was claimed, this time included.
        attempt: u32,
    },
    /// Another's, for this long unless it is renewed.
    Running {
        /// What is left of its lease.
        lease_left: Duration,
    },
    /// Handled before.
    Done,
    /// Set aside before.
    Dead,
    /// There is no room for another record.
    Full,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Handled: `DONE`.
    Done,
    /// To be tried again: `RELEASED`.
    Release,
    /// To be set aside: `DEAD`.
    Dead(DeadLetter),
}

/// Whether a token still held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// It did, and the change was made.
    Yes,
    /// Another claim has taken the record, or it is gone: nothing was changed.
    Lost,
}

/// The state of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// No record.
    Absent,
    /// Being handled; claimable when nothing is left of the lease.
    Running {
        /// What is left of the lease.
        lease_left: Duration,
        /// Of the claim that runs.
        token: Token,
        /// Of the claim that runs.
        attempt: u32,
    },
    /// To be tried again.
    Released {
        /// Of the last claim.
        token: Token,
        /// How often it was tried.
        attempt: u32,
    },
    /// Handled.
    Done {
        /// Of the claim that settled it.
        token: Token,
    },
    /// Set aside.
    Dead {
        /// Of the claim that settled it.
        token: Token,
    },
}

/// A store could not do what it was asked to: it is down, or too slow.
#[derive(Debug)]
pub struct StoreError(Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// For this reason. Its text is logged: no credentials in it.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        StoreError(reason.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the idempotency store failed: {}", self.0)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
