//! The values that a store takes and returns.

use std::time::Duration;

use super::dead_letters::DeadLetter;
use crate::delivery::Key;

/// Maximum number of delivery keys that are bound to one record.
///
/// Without a maximum, replays of one captured body under ever new keys could fill the store.
pub const MAX_ALIASES: usize = 8;

/// The arguments of [`Store::claim`](super::Store::claim).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Key of the event's record.
    pub event: Key,
    /// Delivery key. The first claim with it binds it to a record.
    pub delivery: Option<Key>,
    /// Length of the lease.
    pub lease: Duration,
}

impl Claim {
    /// Makes the arguments of a claim.
    pub fn new(event: Key, delivery: Option<Key>, lease: Duration) -> Self {
        Self {
            event,
            delivery,
            lease,
        }
    }
}

/// A fencing token. It grows with every claim of a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// The result of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// Key of the record, for all further calls. It differs from [`Claim::event`] if the delivery
    /// key was bound to another record.
    pub record: Key,
    /// The store's decision.
    pub verdict: Verdict,
}

/// The store's decision on a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The caller holds the record.
    Granted {
        /// Token for [`Store::renew`](super::Store::renew) and
        /// [`Store::finish`](super::Store::finish).
        token: Token,
        /// Number of this attempt, from 1.
        attempt: u32,
    },
    /// Another claim holds the record.
    Running {
        /// Time until the lease of that claim ends, if it is not renewed.
        lease_left: Duration,
    },
    /// The event was handled or ignored before.
    Done,
    /// The event was dead-lettered before.
    Dead,
    /// The store has no room for another record.
    Full,
}

/// The end of a run.
#[derive(Clone, Debug)]
pub enum End {
    /// The event was handled or ignored. The record becomes `DONE`.
    Done,
    /// A retry can claim the event. The record becomes `RELEASED`.
    Release,
    /// The event is dead-lettered. The record becomes `DEAD`.
    Dead(DeadLetter),
}

/// The result of [`Store::renew`](super::Store::renew) and [`Store::finish`](super::Store::finish).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// The claim held, and the record was changed.
    Yes,
    /// The record is not `RUNNING` under this token, and was not changed.
    Lost,
}

/// The state of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The store has no such record.
    Absent,
    /// A delivery holds the record. It can be claimed once its lease has ended.
    Running {
        /// Time until the lease ends. Zero if it has ended.
        lease_left: Duration,
        /// Token of the claim.
        token: Token,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// A retry can claim the record.
    Released {
        /// Token of the last claim.
        token: Token,
        /// Number of attempts so far.
        attempt: u32,
    },
    /// The event was handled or ignored.
    Done {
        /// Token of the claim that settled the record.
        token: Token,
    },
    /// The event was dead-lettered.
    Dead {
        /// Token of the claim that settled the record.
        token: Token,
    },
}
