//! One record and its changes, for the stores that change records in this process.
//!
//! # How it works
//!
//! A record has a phase: a run, or the end of the last run. Its state is read off the phase, the
//! lease, `kept`, which tells if a letter is kept beside it, and `accepted`, which tells if the
//! inbox keeps its body. So a lease that ends needs no change of the record.
//!
//! An accepted record rests until it is due. It never expires, and only its end `DONE` makes it one
//! that was not accepted.
//!
//! All times are microseconds of the store's clock. A lease and a rest are kept with their lengths
//! and are cut to now plus the length when they are read, and for good by a claim. A clock that was
//! set back then keeps nobody waiting for longer.
//!
//! PostgreSQL and Redis make the same decisions on their servers. The model test compares all of
//! them with one reference.

use std::time::Duration;

use super::values::{Claim, ClaimId, End, Grant, Held, MAX_INTERRUPTED, RecordState, Status, Token, Verdict};

/// The run of a record, or the end of its last run. Durable stores keep the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Stage {
    Running = 0,
    Done = 1,
    Released = 2,
    Dead = 3,
    Withdrawn = 4,
    Interrupted = 5,
}

impl Stage {
    /// Reads the number that a store has kept. An unknown number counts as a released record,
    /// because running an event again is better than losing it.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Running,
            1 => Self::Done,
            3 => Self::Dead,
            4 => Self::Withdrawn,
            5 => Self::Interrupted,
            _ => Self::Released,
        }
    }

    /// The phase after this end.
    pub(super) fn after(end: &End) -> Self {
        match end {
            End::Done => Self::Done,
            End::Release { .. } => Self::Released,
            End::Dead { .. } => Self::Dead,
            End::Withdraw => Self::Withdrawn,
            End::Interrupt => Self::Interrupted,
        }
    }
}

/// A time and the length of the wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Wait {
    pub(super) end: u64,
    pub(super) length: u64,
}

impl Wait {
    pub(super) fn from_now(now: u64, length: Duration) -> Self {
        let length = micros(length);
        Self {
            end: now.saturating_add(length),
            length,
        }
    }

    /// Cuts a wait that is longer than its length, because the clock was set back.
    pub(super) fn cut(&mut self, now: u64) {
        self.end = self.end.min(now.saturating_add(self.length));
    }

    /// The time left. Zero if it is over.
    pub(super) fn left(self, now: u64) -> Duration {
        Duration::from_micros(self.end.saturating_sub(now).min(self.length))
    }
}

/// A record. Its key and its letter are kept beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) phase: Stage,
    pub(super) token: Token,
    /// The last claim that was granted.
    pub(super) claim: ClaimId,
    pub(super) attempts: u32,
    /// Number of interrupted runs in a row.
    pub(super) interrupted: u8,
    pub(super) lease: Wait,
    pub(super) rest: Wait,
    /// Time of the first claim. An accepted record has that of its acceptance, and after that of
    /// its first run.
    pub(super) first_seen: u64,
    pub(super) expires: u64,
    /// A letter is kept beside the record.
    pub(super) kept: bool,
    /// The inbox has accepted the event. Its body is kept beside the record.
    pub(super) accepted: bool,
}

/// The room for letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Letters {
    /// The store keeps no letters.
    NotKept,
    /// The store keeps letters, and has room for this one.
    Room,
    /// The store keeps letters, and has no room for this one.
    Full,
}

impl Record {
    /// Makes the record of an event that was never claimed.
    pub(super) fn absent(now: u64) -> Self {
        Self {
            phase: Stage::Withdrawn,
            token: Token(0),
            claim: ClaimId::from_bytes([0; 16]),
            attempts: 0,
            interrupted: 0,
            lease: Wait::default(),
            rest: Wait::default(),
            first_seen: now,
            expires: now,
            kept: false,
            accepted: false,
        }
    }

    /// Tells if the record counts as absent.
    pub(super) fn is_expired(&self, now: u64) -> bool {
        !self.kept && !self.accepted && self.expires <= now
    }

    /// Tells if a claim holds the record and its lease has not ended.
    pub(super) fn is_running(&self, now: u64) -> bool {
        self.phase == Stage::Running && !self.lease.left(now).is_zero()
    }

    /// Claims the record. Returns the verdict, and `true` if the claim's letter must be kept.
    pub(super) fn claim(
        &mut self,
        claim: &Claim,
        letters: Letters,
        now: u64,
        retention: Duration,
    ) -> (Verdict, bool) {
        let absent = self.is_expired(now);
        if absent {
            *self = Self {
                token: self.token,
                ..Self::absent(now)
            };
        }
        if self.is_running(now) && self.claim == claim.id {
            return (self.granted(), false);
        }
        if self.phase == Stage::Done {
            return (Verdict::Done, false);
        }
        if self.accepted && !self.kept {
            return (Verdict::Accepted, false);
        }
        self.lease.cut(now);
        self.rest.cut(now);
        let old_enough = |last: &super::LastDelivery| {
            absent || now.saturating_sub(self.first_seen) >= micros(last.min_age)
        };
        let lettered =
            !self.kept && letters == Letters::Room && claim.last.as_deref().is_some_and(old_enough);
        if self.is_running(now) {
            self.kept |= lettered;
            let lease_left = self.lease.left(now);
            return (
                Verdict::Running {
                    lease_left,
                    kept: self.kept,
                },
                lettered,
            );
        }
        if self.kept {
            return (Verdict::Dead { kept: true }, false);
        }
        if self.phase == Stage::Dead && letters == Letters::NotKept {
            return (Verdict::Dead { kept: false }, false);
        }
        let left = self.rest.left(now);
        if !left.is_zero() {
            self.kept = lettered;
            let verdict = if lettered {
                Verdict::Dead { kept: true }
            } else {
                Verdict::Resting { left }
            };
            return (verdict, lettered);
        }
        self.kept = lettered;
        (self.grant(claim, now, retention), lettered)
    }

    /// Claims the record for a replay of its letter.
    #[cfg(feature = "sqlite")]
    pub(super) fn replay(&mut self, claim: &Claim, now: u64, retention: Duration) -> Option<Verdict> {
        if !self.kept {
            return None;
        }
        if !self.is_running(now) {
            return Some(self.grant(claim, now, retention));
        }
        if self.claim == claim.id {
            return Some(self.granted());
        }
        self.lease.cut(now);
        self.rest.cut(now);
        Some(Verdict::Running {
            lease_left: self.lease.left(now),
            kept: true,
        })
    }

    pub(super) fn grant(&mut self, claim: &Claim, now: u64, retention: Duration) -> Verdict {
        self.phase = Stage::Running;
        self.token = Token(self.token.0.saturating_add(1).max(now));
        self.claim = claim.id;
        self.attempts = self.attempts.saturating_add(1);
        self.lease = Wait::from_now(now, claim.lease);
        self.rest = Wait::from_now(now, claim.rests.after(self.attempts));
        self.keep_for(now, claim.lease.saturating_add(retention));
        self.granted()
    }

    fn granted(&self) -> Verdict {
        Verdict::Granted {
            token: self.token,
            attempt: self.attempts,
        }
    }

    fn is_held_by(&self, grant: &Grant) -> bool {
        self.token == grant.token && self.claim == grant.id
    }

    /// Starts the lease again. An acceptance has taken it from a run that came too late.
    pub(super) fn renew(&mut self, grant: &Grant, lease: Duration, now: u64, retention: Duration) -> Held {
        let has_lease = self.phase == Stage::Running && self.lease != Wait::default();
        if !has_lease || !self.is_held_by(grant) {
            return Held::Lost;
        }
        self.lease = Wait::from_now(now, lease);
        self.keep_for(now, lease.saturating_add(retention));
        Held::Yes
    }

    /// Ends the run. If it was [`Held::Yes`], a letter of the end must be kept, and one of a `DONE`
    /// record deleted.
    pub(super) fn finish(
        &mut self,
        grant: &Grant,
        end: &End,
        letters: Letters,
        now: u64,
        retention: Duration,
    ) -> Held {
        let phase = Stage::after(end);
        if !self.is_held_by(grant) || self.phase != Stage::Running {
            let again = self.is_held_by(grant) && self.phase == phase;
            return if again { Held::Yes } else { Held::Lost };
        }
        match end {
            End::Done => {
                self.kept = false;
                self.accepted = false;
            }
            End::Release { rest } => {
                let asked = Wait::from_now(now, *rest);
                // The rest of an accepted event since its claim is only for a run without an end.
                if self.accepted || asked.left(now) > self.rest.left(now) {
                    self.rest = asked;
                }
            }
            End::Dead { began, .. } => {
                // The body of an accepted event has its room already.
                if !self.kept && !self.accepted && letters == Letters::Full {
                    return Held::NoRoom;
                }
                self.kept = letters != Letters::NotKept;
                if !began {
                    self.attempts = self.attempts.saturating_sub(1);
                }
            }
            End::Withdraw => self.take_back(),
            End::Interrupt if self.interrupted < MAX_INTERRUPTED => {
                self.take_back();
                self.interrupted += 1;
            }
            End::Interrupt => {}
        }
        if matches!(end, End::Done | End::Release { .. } | End::Dead { .. }) {
            self.interrupted = 0;
        }
        self.phase = phase;
        self.keep_for(now, retention);
        Held::Yes
    }

    /// Takes the attempt and its rest back. A claim is granted after the rest only, so no earlier
    /// rest is lost.
    fn take_back(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
        self.rest = Wait::default();
    }

    /// Ends the rest. Returns `true` if the record rested.
    pub(super) fn end_rest(&mut self, now: u64) -> bool {
        let rested = match self.status(now).state {
            RecordState::Released { left } | RecordState::Waiting { left } => !left.is_zero(),
            _ => false,
        };
        if rested {
            self.rest = Wait::default();
        }
        rested
    }

    /// Settles a record whose letter was purged.
    #[cfg(feature = "sqlite")]
    pub(super) fn purge(&mut self, now: u64, retention: Duration) {
        self.phase = Stage::Done;
        self.token = Token(self.token.0.saturating_add(1).max(now));
        self.kept = false;
        self.accepted = false;
        self.keep_for(now, retention);
    }

    pub(super) fn status(&self, now: u64) -> Status {
        if self.is_expired(now) {
            return Status::ABSENT;
        }
        let state = if self.is_running(now) {
            RecordState::Running {
                lease_left: self.lease.left(now),
            }
        } else if self.phase == Stage::Done {
            RecordState::Done
        } else if self.kept {
            RecordState::Dead
        } else if self.accepted {
            RecordState::Waiting {
                left: self.rest.left(now),
            }
        } else if self.phase == Stage::Dead {
            RecordState::Dead
        } else {
            RecordState::Released {
                left: self.rest.left(now),
            }
        };
        let kept = self.kept || self.accepted;
        Status::new(state, self.token, self.attempts, kept)
    }

    pub(super) fn keep_for(&mut self, now: u64, time: Duration) {
        self.expires = self.expires.max(now.saturating_add(micros(time)));
    }
}

/// The length in microseconds. At most 2^62, so that a sum with a time does not overflow a signed
/// number.
pub(super) fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).map_or(1 << 62, |micros| micros.min(1 << 62))
}
