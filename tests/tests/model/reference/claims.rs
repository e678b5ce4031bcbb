//! Claims, aliases and replays in the model.

use super::super::step::End;
use super::Model;
use super::values::{Alias, Claim, Grant, Phase, Record, Response, Sent, State, Verdict, Wait};

/// The rest after each attempt, in ticks.
pub(crate) const RESTS: [u64; 8] = [5, 9, 1, 13, 17, 5, 21, 9];

impl Model {
    fn bound(&self, alias: u8) -> Option<&Alias> {
        self.aliases.iter().find(|bound| bound.alias == alias)
    }

    /// The documentation does not define if an alias survives its record.
    pub(super) fn defines_claim(&self, claim: &Claim) -> bool {
        let bound = claim.alias.and_then(|alias| self.bound(alias));
        bound.is_none_or(|bound| {
            !bound.perhaps_gone || bound.record == claim.event || self.present(bound.record).is_none()
        })
    }

    pub(super) fn send(&mut self, number: usize) -> Response {
        let claim = self.claims[number].claim;
        if claim.replay {
            let record = claim.event;
            let verdict = self.replay(record, number);
            return Response::Replayed { record, verdict };
        }
        let bound = claim
            .alias
            .and_then(|alias| self.bound(alias))
            .map(|bound| bound.record);
        let record = bound
            .filter(|record| self.present(*record).is_some())
            .unwrap_or(claim.event);
        let is_new = self.present(record).is_none();
        if is_new {
            if !self.make_room() {
                return Response::Claimed {
                    record,
                    verdict: Verdict::Full,
                    lettered: false,
                };
            }
            self.records.insert(record, self.new_record());
        }
        let (verdict, lettered) = self.decide(record, number, is_new);
        let granted = matches!(verdict, Verdict::Granted { .. });
        if let Some(alias) = claim.alias.filter(|_| granted || bound == Some(record)) {
            self.bind(alias, record, granted);
        }
        Response::Claimed {
            record,
            verdict,
            lettered,
        }
    }

    fn new_record(&self) -> Record {
        Record {
            phase: Phase::Ended(End::Withdraw),
            grant: None,
            attempts: 0,
            interrupted: 0,
            lease: Wait::default(),
            rest: Wait::default(),
            first_seen: self.now,
            expires: self.now,
            letter: None,
        }
    }

    /// Evicts a record if the store is full. Returns `false` if all records are running.
    fn make_room(&mut self) -> bool {
        if self.records.len() < self.kind.capacity {
            return true;
        }
        let state = |event: &&u8| self.records[*event].state(self.now);
        let at_rest = self
            .changes
            .iter()
            .filter(|event| !matches!(state(event), State::Running(_)));
        let Some(&oldest) = at_rest.min_by_key(|event| state(event) != State::Done) else {
            return false;
        };
        self.records.remove(&oldest);
        true
    }

    fn bind(&mut self, alias: u8, record: u8, granted: bool) {
        let perhaps_gone = !granted && self.bound(alias).is_some_and(|bound| bound.perhaps_gone);
        self.aliases.retain(|bound| bound.alias != alias);
        self.aliases.push(Alias {
            alias,
            record,
            until: self.records[&record].expires,
            perhaps_gone,
        });
        if self.aliases.len() > self.kind.capacity {
            self.aliases.remove(0);
        }
    }

    /// Decides on a claim of a record.
    fn decide(&mut self, event: u8, number: usize, is_new: bool) -> (Verdict, bool) {
        let now = self.now;
        let state = self.records[&event].state(now);
        if let Some(same) = self.same_grant(event, number) {
            return (same, false);
        }
        if state == State::Done {
            return (Verdict::Done, false);
        }
        let record = self.record(event);
        record.lease.cut(now);
        record.rest.cut(now);
        let Sent { claim, step } = self.claims[number];
        let is_last = claim
            .last
            .is_some_and(|min_age| is_new || now.saturating_sub(self.records[&event].first_seen) >= min_age);
        let lettered = is_last && self.records[&event].letter.is_none() && self.has_room();
        if lettered {
            self.write_letter(event, step);
        }
        let kept = self.records[&event].letter.is_some();
        let verdict = match state {
            State::Running(left) => Verdict::Running { left, kept },
            State::Dead => Verdict::Dead { kept },
            State::Released(left) if left > 0 && kept => Verdict::Dead { kept },
            State::Released(left) if left > 0 => Verdict::Resting(left),
            _ => self.grant(event, number),
        };
        (verdict, lettered)
    }

    /// The grant that a running record gave to this claim before.
    fn same_grant(&self, event: u8, number: usize) -> Option<Verdict> {
        let record = &self.records[&event];
        let grant = record.grant.filter(|grant| self.grants[*grant].claim == number)?;
        matches!(record.state(self.now), State::Running(_)).then_some(Verdict::Granted {
            grant,
            attempt: record.attempts,
        })
    }

    fn grant(&mut self, event: u8, number: usize) -> Verdict {
        let (now, claim) = (self.now, self.claims[number].claim);
        self.grants.push(Grant {
            record: event,
            claim: number,
        });
        let grant = self.grants.len() - 1;
        let retention = self.kind.retention;
        let record = self.record(event);
        record.phase = Phase::Running;
        record.grant = Some(grant);
        record.attempts += 1;
        record.lease = Wait::new(now, claim.lease);
        let rest = RESTS[RESTS.len().min(record.attempts as usize) - 1];
        record.rest = Wait::new(now, if claim.rests { rest } else { 0 });
        record.expires = record.expires.max(now + claim.lease + retention);
        Verdict::Granted {
            grant,
            attempt: record.attempts,
        }
    }

    fn replay(&mut self, event: u8, number: usize) -> Option<Verdict> {
        let state = self.state(event);
        self.present(event)?.letter?;
        Some(match (self.same_grant(event, number), state) {
            (Some(same), _) => same,
            (None, State::Running(left)) => {
                let now = self.now;
                let record = self.record(event);
                record.lease.cut(now);
                record.rest.cut(now);
                Verdict::Running { left, kept: true }
            }
            _ => self.grant(event, number),
        })
    }
}
