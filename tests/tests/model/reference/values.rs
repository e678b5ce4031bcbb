//! The values of the model. Times and lengths are in ticks.

use super::super::step::End;

/// The arguments of a claim or of a replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) event: u8,
    pub(crate) alias: Option<u8>,
    pub(crate) lease: u64,
    /// `true` if the event rests as [`RESTS`] says.
    pub(crate) rests: bool,
    /// The age that a record must have, if this can be the last delivery.
    pub(crate) last: Option<u64>,
    pub(crate) replay: bool,
}

/// A time and the length of the wait for it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Wait {
    pub(super) end: u64,
    pub(super) length: u64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Phase {
    Running,
    Ended(End),
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Record {
    pub(crate) phase: Phase,
    /// The grant that holds it, or held it last, as a position in [`Model::grants`].
    pub(super) grant: Option<usize>,
    pub(crate) attempts: u32,
    pub(super) interrupted: u32,
    pub(super) lease: Wait,
    pub(super) rest: Wait,
    pub(super) first_seen: u64,
    pub(super) expires: u64,
    pub(crate) letter: Option<Letter>,
}

/// A dead letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Letter {
    /// The step that wrote it.
    pub(super) step: usize,
    /// The step that made its text: that of the end, or the first one that sent the claim.
    pub(crate) text: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Alias {
    pub(super) alias: u8,
    pub(super) record: u8,
    /// The store keeps the alias at least until then.
    pub(super) until: u64,
    /// `true` if the store may have deleted it.
    pub(super) perhaps_gone: bool,
}

/// The state of a record, with the time left.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum State {
    Absent,
    Running(u64),
    Released(u64),
    Done,
    Dead,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Verdict {
    Granted {
        /// The position in [`Model::grants`].
        grant: usize,
        attempt: u32,
    },
    Running {
        left: u64,
        kept: bool,
    },
    Resting(u64),
    Done,
    Dead {
        kept: bool,
    },
    Full,
}

/// The result of the last step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Response {
    None,
    Claimed {
        record: u8,
        verdict: Verdict,
        lettered: bool,
    },
    Replayed {
        record: u8,
        verdict: Option<Verdict>,
    },
    /// The answer to a renewal or an end.
    Held(Held),
    Purged(Purged),
    /// `true` if a rest was ended.
    Rested(bool),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Held {
    Yes,
    Lost,
    NoRoom,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Purged {
    Yes,
    Busy,
    Unknown,
}

/// A claim, and the step that sent it first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) claim: Claim,
    pub(super) step: usize,
}

/// A granted claim: its record, and its position in [`Model::claims`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) record: u8,
    pub(crate) claim: usize,
}

impl Wait {
    pub(super) fn new(now: u64, length: u64) -> Self {
        Wait {
            end: now + length,
            length,
        }
    }

    /// A claim cuts a wait that is longer than its length, because the clock was set back.
    pub(super) fn cut(&mut self, now: u64) {
        self.end = self.end.min(now + self.length);
    }

    pub(super) fn left(self, now: u64) -> u64 {
        self.end.saturating_sub(now).min(self.length)
    }
}

impl Record {
    pub(super) fn state(&self, now: u64) -> State {
        match (self.phase, self.lease.left(now)) {
            (Phase::Running, left) if left > 0 => State::Running(left),
            (Phase::Ended(End::Done), _) => State::Done,
            (Phase::Ended(End::Dead { .. }), _) => State::Dead,
            _ if self.letter.is_some() => State::Dead,
            _ => State::Released(self.rest.left(now)),
        }
    }

    pub(super) fn take_back(&mut self) {
        self.attempts -= 1;
        self.rest = Wait::default();
    }
}
