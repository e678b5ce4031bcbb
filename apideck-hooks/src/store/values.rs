//! The values that a store takes and returns.

use super::dead_letters::DeadLetter;
use crate::delivery::Key;
use std::time::Duration;

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
