//! The values that a store takes and returns.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::dead_letter::DeadLetter;
use crate::delivery::Key;

pub use crate::delivery::Token;

/// The arguments of [`Store::claim`](super::Store::claim).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Key of the event's record.
    pub event: Key,
    /// Delivery key. A granted claim binds it to its record.
    pub alias: Option<Key>,
    /// Identity of this claim. A claim that is sent again has the same one.
    pub id: ClaimId,
    /// Length of the lease.
    pub lease: Duration,
    /// The rests after a run.
    pub rests: Rests,
    /// Present if this can be the last delivery of the event. Boxed, because it is rare.
    pub last: Option<Box<LastDelivery>>,
}

impl Claim {
    /// Makes a claim with a random id, without an alias and without rests.
    pub fn new(event: Key, lease: Duration) -> Self {
        Self {
            event,
            alias: None,
            id: ClaimId::random(),
            lease,
            rests: Rests::NONE,
            last: None,
        }
    }
}

/// The dead letter of a delivery that can be the event's last one.
///
/// The claim writes the letter into a record that is not `DONE`, before anything else. It does so
/// only if the record is absent, or was first seen at least [`min_age`](LastDelivery::min_age) ago,
/// and only if the store has room for another dead letter. A record that keeps a letter is left as
/// it is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LastDelivery {
    /// The dead letter.
    pub letter: DeadLetter,
    /// The age that an existing record must have.
    pub min_age: Duration,
}

impl LastDelivery {
    /// Age of a record below which a delivery cannot be the last one: 3 hours.
    ///
    /// Apideck's ninth delivery comes 8 hours after the first by the shorter reading of its times
    /// (source: webhook guide). So a captured ninth body that comes soon after its event writes no
    /// letter.
    pub const MIN_AGE: Duration = Duration::from_secs(3 * 60 * 60);

    /// Makes the last delivery of a record that is at least [`MIN_AGE`](Self::MIN_AGE) old.
    pub fn new(letter: DeadLetter) -> Self {
        Self {
            letter,
            min_age: Self::MIN_AGE,
        }
    }
}

/// The identity of a claim: 16 random bytes of the caller.
///
/// A claim whose answer was lost is sent again with the same id, and gets the same grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimId([u8; 16]);

impl ClaimId {
    /// Makes an id that no other claim has.
    ///
    /// It is unique and not secret. So the hash keys that the standard library takes from the
    /// operating system are random enough.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        for half in bytes.chunks_exact_mut(8) {
            half.copy_from_slice(&RandomState::new().hash_one(0_u8).to_le_bytes());
        }
        Self(bytes)
    }

    /// Makes an id from the bytes that a store has kept.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, for a store to keep.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// Prints 32 hexadecimal digits.
impl fmt::Debug for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The rest of an event after each run, counted from the run's begin.
///
/// Nothing runs for the event while it rests, so replays of a captured body are hardly faster than
/// Apideck's own retries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rests([Duration; Rests::LENGTH]);

impl Rests {
    /// Number of different rests. Later attempts rest as the last of them says.
    pub const LENGTH: usize = 8;
    /// No rest. For tests.
    pub const NONE: Self = Self([Duration::ZERO; Self::LENGTH]);

    /// Makes the rests after the first attempt, the second and so on.
    pub const fn new(rests: [Duration; Self::LENGTH]) -> Self {
        Self(rests)
    }

    /// Returns the rest after this attempt, from 1.
    pub fn after(&self, attempt: u32) -> Duration {
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0[index.min(Self::LENGTH - 1)]
    }

    /// Returns all rests in order, for a store whose server decides.
    pub fn all(&self) -> &[Duration; Self::LENGTH] {
        &self.0
    }
}

/// The result of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Claimed {
    /// Key of the record, for all further calls. It differs from [`Claim::event`] if the alias was
    /// bound to another record.
    pub record: Key,
    /// The store's decision.
    pub verdict: Verdict,
    /// `true` if this claim wrote its [`LastDelivery`]'s letter into the record.
    pub lettered: bool,
}

impl Claimed {
    /// Makes the result of a claim that wrote no letter.
    pub fn new(record: Key, verdict: Verdict) -> Self {
        Self {
            record,
            verdict,
            lettered: false,
        }
    }

    /// Sets whether the claim wrote its letter.
    pub fn lettered(mut self, lettered: bool) -> Self {
        self.lettered = lettered;
        self
    }
}

/// The store's decision on a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The caller holds the record.
    Granted {
        /// Token of the run.
        token: Token,
        /// Number of this attempt, from 1.
        attempt: u32,
    },
    /// Another claim holds the record.
    Running {
        /// Time until the lease of that claim ends, if it is not renewed.
        lease_left: Duration,
        /// `true` if the record keeps a body. Then a delivery is acknowledged at once, because the
        /// event cannot be lost.
        kept: bool,
    },
    /// The event rests after a run.
    Resting {
        /// Time until the event can be claimed.
        left: Duration,
    },
    /// The event was handled or ignored before.
    Done,
    /// The event was dead-lettered.
    Dead {
        /// `true` if the record keeps a letter.
        kept: bool,
    },
    /// The inbox has accepted the event, and a worker runs it.
    Accepted,
    /// The store has no room for another record.
    Full,
}

/// A granted claim, as the calls of its run name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// Key of the record.
    pub record: Key,
    /// Token of the run.
    pub token: Token,
    /// Identity of the claim.
    pub id: ClaimId,
}

impl Grant {
    /// Makes a grant.
    pub fn new(record: Key, token: Token, id: ClaimId) -> Self {
        Self { record, token, id }
    }
}

/// The end of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum End {
    /// The event was handled or ignored. The record becomes `DONE` and loses its body.
    Done,
    /// The run failed. The event rests at least this long from now, and an accepted event exactly
    /// this long.
    Release {
        /// The wait that the handler or the workers' policy asked for. Zero if neither did.
        rest: Duration,
    },
    /// The event is dead-lettered with this letter.
    Dead {
        /// The letter. It replaces the letter that the record keeps. Boxed, because it is rare.
        letter: Box<DeadLetter>,
        /// `false` if no run began, because all attempts were used up before. The claim's attempt
        /// is then taken back.
        began: bool,
    },
    /// No run began. The attempt is taken back, and the event does not rest.
    Withdraw,
    /// A shutdown ended the run. Up to [`MAX_INTERRUPTED`] times in a row this is a withdrawal.
    /// After that the attempt counts, and the event rests.
    Interrupt,
}

/// Number of interrupted runs in a row that do not count as attempts.
pub const MAX_INTERRUPTED: u8 = 3;

/// The result of [`Store::renew`](super::Store::renew) and [`Store::finish`](super::Store::finish).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Held {
    /// The claim held, and the record was changed. Also the answer to an end that is sent again.
    Yes,
    /// The record is not `RUNNING` under this grant, and was not changed.
    Lost,
    /// The store has no room for the dead letter. The record was not changed.
    NoRoom,
}

/// A record as [`Store::status`](super::Store::status) sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Status {
    /// RecordState of the record.
    pub state: RecordState,
    /// Token of the last claim. Zero for an absent record.
    pub token: Token,
    /// Number of attempts so far.
    pub attempts: u32,
    /// `true` if the record keeps a body.
    pub kept: bool,
}

impl Status {
    /// Status of a record that the store does not have.
    pub const ABSENT: Self = Self::new(RecordState::Absent, Token(0), 0, false);

    /// Makes a status.
    pub const fn new(state: RecordState, token: Token, attempts: u32, kept: bool) -> Self {
        Self {
            state,
            token,
            attempts,
            kept,
        }
    }
}

/// The state of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RecordState {
    /// The store has no such record.
    Absent,
    /// A claim holds the record, and its lease has not ended.
    Running {
        /// Time until the lease ends.
        lease_left: Duration,
    },
    /// The last run ended without success, or its lease has ended. The record keeps no body.
    Released {
        /// Time until the event can be claimed. Zero if it can be claimed now.
        left: Duration,
    },
    /// The inbox has accepted the event, and keeps its body. No claim holds it.
    Waiting {
        /// Time until a worker can claim the event. Zero if it can be claimed now.
        left: Duration,
    },
    /// The event was handled, ignored or purged.
    Done,
    /// The event was dead-lettered.
    Dead,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn claim_ids_differ() {
        let ids: HashSet<_> = (0..10_000).map(|_| ClaimId::random()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn later_attempts_rest_as_the_last_one() {
        let rests = Rests::new(std::array::from_fn(|n| Duration::from_secs(n as u64 + 1)));
        for (attempt, seconds) in [(0, 1), (1, 1), (2, 2), (8, 8), (9, 8), (u32::MAX, 8)] {
            assert_eq!(rests.after(attempt), Duration::from_secs(seconds));
        }
    }
}
