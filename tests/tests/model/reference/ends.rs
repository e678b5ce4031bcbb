//! Renewals and ends in the model.

use super::super::step::{End, Whose};
use super::Model;
use super::values::{Held, Phase, Purged, State, Wait};

/// The number of interrupted runs in a row that are not attempts.
const INTERRUPTED: u32 = 3;

impl Model {
    /// The position of a grant of an event, if there is one.
    pub(crate) fn grant_of(&self, event: u8, whose: Whose) -> Option<usize> {
        let mut grants = (0..self.grants.len())
            .rev()
            .filter(|grant| self.grants[*grant].record == event);
        match whose {
            Whose::Latest => grants.next(),
            Whose::Earlier(by) => grants.nth(by),
            Whose::Future | Whose::Nobody => None,
        }
    }

    pub(super) fn renew(&mut self, event: u8, whose: Whose, lease: u64) -> Held {
        let (now, retention) = (self.now, self.kind.retention);
        let grant = self.grant_of(event, whose);
        match self.records.get_mut(&event) {
            Some(record) if grant.is_some() && record.grant == grant && record.phase == Phase::Running => {
                record.lease = Wait::new(now, lease);
                record.expires = record.expires.max(now + lease + retention);
                Held::Yes
            }
            _ => Held::Lost,
        }
    }

    pub(super) fn finish(&mut self, event: u8, whose: Whose, end: End) -> Held {
        let (now, retention) = (self.now, self.kind.retention);
        let grant = self.grant_of(event, whose);
        let keeps_letters = self.kind.letters > 0;
        let has_room = self.has_room();
        let Some(record) = self
            .records
            .get_mut(&event)
            .filter(|record| record.grant == grant)
        else {
            return Held::Lost;
        };
        match record.phase {
            _ if grant.is_none() => return Held::Lost,
            Phase::Ended(before) if before.is_like(end) => return Held::Yes,
            Phase::Ended(_) => return Held::Lost,
            Phase::Running => {}
        }
        match end {
            End::Done => record.letter = None,
            End::Release { rest } if rest > record.rest.left(now) => record.rest = Wait::new(now, rest),
            End::Release { .. } => {}
            End::Dead { .. } if keeps_letters && record.letter.is_none() && !has_room => return Held::NoRoom,
            End::Dead { began: false } => record.attempts -= 1,
            End::Dead { began: true } => {}
            End::Withdraw => record.take_back(),
            End::Interrupt if record.interrupted < INTERRUPTED => {
                record.interrupted += 1;
                record.take_back();
            }
            End::Interrupt => {}
        }
        if !matches!(end, End::Withdraw | End::Interrupt) {
            record.interrupted = 0;
        }
        record.phase = Phase::Ended(end);
        record.expires = record.expires.max(now + retention);
        if matches!(end, End::Dead { .. }) && keeps_letters {
            self.write_letter(event, self.steps);
        }
        Held::Yes
    }

    pub(super) fn purge(&mut self, event: u8) -> Purged {
        let (now, retention) = (self.now, self.kind.retention);
        let Some(record) = self
            .records
            .get_mut(&event)
            .filter(|record| record.letter.is_some())
        else {
            return Purged::Unknown;
        };
        if matches!(record.state(now), State::Running(_)) {
            return Purged::Busy;
        }
        record.phase = Phase::Ended(End::Done);
        record.grant = None;
        record.letter = None;
        record.expires = record.expires.max(now + retention);
        Purged::Yes
    }

    pub(super) fn end_rest(&mut self, event: u8) -> bool {
        let rests = matches!(self.state(event), State::Released(left) if left > 0);
        if rests {
            self.record(event).rest = Wait::default();
        }
        rests
    }
}
