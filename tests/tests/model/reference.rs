//! The model: a state machine that follows the documentation of the trait. It knows no
//! implementation.

use super::step::{End, Step, Whose};
use std::collections::BTreeMap;

/// The properties in which the stores differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// `true` if the clock can be set exactly. Otherwise no tested time is near a deadline: the clock
    /// moves by multiples of four ticks, and all lengths are odd.
    pub(crate) exact: bool,
    /// The maximum number of records, and of aliases. A full store evicts the record that became
    /// `DONE` first, then the record that has not changed for the longest time and does not run. It
    /// evicts the alias that was used last the longest time ago.
    pub(crate) capacity: usize,
    /// The maximum number of dead letters. Zero if the store keeps none.
    pub(crate) letters: usize,
    pub(crate) crash: Crash,
    /// The retention, in ticks.
    pub(crate) retention: u64,
}

/// The effect of a crash of the receiver.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Crash {
    Forgets,
    /// Leases end when the store is opened again.
    EndsLeases,
    KeepsLeases,
}

pub(crate) const EVENTS: u8 = 4;
pub(crate) const ALIASES: u8 = 6;

/// The rest after each attempt, in ticks.
pub(crate) const RESTS: [u64; 8] = [5, 9, 1, 13, 17, 5, 21, 9];
/// The number of interrupted runs in a row that are not attempts.
const INTERRUPTED: u32 = 3;

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
struct Wait {
    end: u64,
    length: u64,
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
    grant: Option<usize>,
    pub(crate) attempts: u32,
    interrupted: u32,
    lease: Wait,
    rest: Wait,
    first_seen: u64,
    expires: u64,
    pub(crate) letter: Option<Letter>,
}

/// A dead letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Letter {
    /// The step that wrote it.
    step: usize,
    /// The step that made its text: that of the end, or the first one that sent the claim.
    pub(crate) text: usize,
}

#[derive(Clone, Copy, Debug)]
struct Alias {
    alias: u8,
    record: u8,
    /// The store keeps the alias at least until then.
    until: u64,
    /// `true` if the store may have deleted it.
    perhaps_gone: bool,
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
    step: usize,
}

/// A granted claim: its record, and its position in [`Model::claims`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) record: u8,
    pub(crate) claim: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) kind: Kind,
    /// The number of different events.
    pub(crate) events: u8,
    pub(crate) now: u64,
    /// The records, also expired ones that no claim has replaced.
    records: BTreeMap<u8, Record>,
    /// The events of the records, in the order of their last changes.
    changes: Vec<u8>,
    /// The aliases in the order of their last use.
    aliases: Vec<Alias>,
    /// All claims so far.
    pub(crate) claims: Vec<Sent>,
    /// All grants so far.
    pub(crate) grants: Vec<Grant>,
    pub(crate) steps: usize,
    pub(crate) response: Response,
}

impl Wait {
    fn left(self, now: u64) -> u64 {
        self.end.saturating_sub(now).min(self.length)
    }
}

impl Record {
    fn state(&self, now: u64) -> State {
        match (self.phase, self.lease.left(now)) {
            (Phase::Running, left) if left > 0 => State::Running(left),
            (Phase::Ended(End::Done), _) => State::Done,
            (Phase::Ended(End::Dead { .. }), _) => State::Dead,
            _ if self.letter.is_some() => State::Dead,
            _ => State::Released(self.rest.left(now)),
        }
    }

    fn take_back(&mut self) {
        self.attempts -= 1;
        self.rest = Wait::default();
    }
}

impl Model {
    pub(crate) fn new(kind: Kind, events: u8) -> Self {
        Model {
            kind,
            events,
            now: 1_000_000,
            records: BTreeMap::new(),
            changes: Vec::new(),
            aliases: Vec::new(),
            claims: Vec::new(),
            grants: Vec::new(),
            steps: 0,
            response: Response::None,
        }
    }

    pub(crate) fn apply(mut self, step: &Step) -> Self {
        self.steps += 1;
        let before = self.records.clone();
        self.response = match *step {
            Step::Claim(claim) => {
                let step = self.steps;
                self.claims.push(Sent { claim, step });
                self.send(self.claims.len() - 1)
            }
            Step::Again { back } => self.send(self.claims.len() - 1 - back),
            Step::Renew { event, whose, lease } => Response::Held(self.renew(event, whose, lease)),
            Step::Finish { event, whose, end } => Response::Held(self.finish(event, whose, end)),
            Step::Purge { event } => Response::Purged(self.purge(event)),
            Step::EndRest { event } => Response::Rested(self.end_rest(event)),
            Step::OtherSource { .. } => Response::None,
            Step::Wait { ticks } => {
                self.now += ticks;
                Response::None
            }
            Step::SetBack { ticks } => {
                self.now -= ticks;
                Response::None
            }
            Step::Crash => {
                self.crash();
                Response::None
            }
        };
        self.follow_changes(&before);
        self
    }

    /// Keeps the order of the changes, and notes the aliases that a store may have deleted.
    fn follow_changes(&mut self, before: &BTreeMap<u8, Record>) {
        self.changes.retain(|event| self.records.contains_key(event));
        for (event, record) in &self.records {
            if before.get(event) != Some(record) {
                self.changes.retain(|changed| changed != event);
                self.changes.push(*event);
            }
        }
        let mut aliases = std::mem::take(&mut self.aliases);
        for alias in &mut aliases {
            alias.perhaps_gone |= alias.until <= self.now || self.present(alias.record).is_none();
        }
        self.aliases = aliases;
    }

    /// The event's record, unless it has expired.
    pub(crate) fn present(&self, event: u8) -> Option<&Record> {
        let record = self.records.get(&event)?;
        (record.letter.is_some() || self.now < record.expires).then_some(record)
    }

    pub(crate) fn state(&self, event: u8) -> State {
        self.present(event)
            .map_or(State::Absent, |record| record.state(self.now))
    }

    fn bound(&self, alias: u8) -> Option<&Alias> {
        self.aliases.iter().find(|bound| bound.alias == alias)
    }

    /// `true` if the documentation defines the result.
    pub(crate) fn defines(&self, step: &Step) -> bool {
        let expired = |event: &u8| self.records.contains_key(event) && self.present(*event).is_none();
        match step {
            Step::Claim(claim) => self.defines_claim(claim),
            Step::Again { back } => {
                let Some(last) = self.claims.len().checked_sub(1 + back) else {
                    return false;
                };
                self.defines_claim(&self.claims[last].claim)
            }
            // The store may have deleted the record.
            Step::Renew { event, .. } | Step::Finish { event, .. } => !expired(event),
            // A record that the store has deleted does not come back.
            Step::SetBack { .. } => !self.records.keys().any(|event| expired(event)),
            _ => true,
        }
    }

    /// The documentation does not define if an alias survives its record.
    fn defines_claim(&self, claim: &Claim) -> bool {
        let bound = claim.alias.and_then(|alias| self.bound(alias));
        bound.is_none_or(|bound| {
            !bound.perhaps_gone || bound.record == claim.event || self.present(bound.record).is_none()
        })
    }

    fn send(&mut self, number: usize) -> Response {
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
        record.lease = wait(now, claim.lease);
        let rest = RESTS[RESTS.len().min(record.attempts as usize) - 1];
        record.rest = wait(now, if claim.rests { rest } else { 0 });
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
            (None, State::Running(left)) => Verdict::Running { left, kept: true },
            _ => self.grant(event, number),
        })
    }

    fn record(&mut self, event: u8) -> &mut Record {
        self.records.get_mut(&event).expect("a record")
    }

    fn has_room(&self) -> bool {
        self.letters().len() < self.kind.letters
    }

    fn write_letter(&mut self, event: u8, text: usize) {
        let step = self.steps;
        self.record(event).letter = Some(Letter { step, text });
    }

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

    fn renew(&mut self, event: u8, whose: Whose, lease: u64) -> Held {
        let (now, retention) = (self.now, self.kind.retention);
        let grant = self.grant_of(event, whose);
        match self.records.get_mut(&event) {
            Some(record) if grant.is_some() && record.grant == grant && record.phase == Phase::Running => {
                record.lease = wait(now, lease);
                record.expires = record.expires.max(now + lease + retention);
                Held::Yes
            }
            _ => Held::Lost,
        }
    }

    fn finish(&mut self, event: u8, whose: Whose, end: End) -> Held {
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
            End::Release { rest } if rest > record.rest.left(now) => record.rest = wait(now, rest),
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

    fn purge(&mut self, event: u8) -> Purged {
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

    fn end_rest(&mut self, event: u8) -> bool {
        let rests = matches!(self.state(event), State::Released(left) if left > 0);
        if rests {
            self.record(event).rest = Wait::default();
        }
        rests
    }

    fn crash(&mut self) {
        // The owners of the grants are gone, and no claim is sent again.
        if self.kind.crash != Crash::KeepsLeases {
            self.grants.clear();
            self.claims.clear();
        }
        match self.kind.crash {
            Crash::Forgets => {
                self.records.clear();
                self.aliases.clear();
            }
            Crash::EndsLeases => {
                for record in self.records.values_mut() {
                    record.lease = Wait::default();
                    record.grant = None;
                }
            }
            Crash::KeepsLeases => {}
        }
    }

    /// The events with dead letters, the latest first.
    pub(crate) fn letters(&self) -> Vec<(u8, Letter)> {
        let letters = self.records.iter();
        let mut letters: Vec<_> = letters
            .filter_map(|(event, record)| Some((*event, record.letter?)))
            .collect();
        letters.sort_by_key(|(_, letter)| std::cmp::Reverse(*letter));
        letters
    }

    /// The times at which a record changes by itself.
    pub(crate) fn deadlines(&self) -> Vec<u64> {
        let ends = |record: &Record| {
            let running = [record.lease.end, record.rest.end, record.expires];
            running.into_iter().filter(|end| *end > self.now)
        };
        self.records.values().flat_map(ends).collect()
    }
}

fn wait(now: u64, length: u64) -> Wait {
    Wait {
        end: now + length,
        length,
    }
}
