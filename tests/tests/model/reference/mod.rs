//! The model: a state machine that follows the documentation of the trait. It knows no
//! implementation.

mod claims;
mod ends;
mod values;

pub(crate) use claims::RESTS;
pub(crate) use values::{Claim, Grant, Held, Letter, Phase, Purged, Record, Response, Sent, State, Verdict};

use super::step::Step;
use std::collections::BTreeMap;
use values::{Alias, Wait};

/// The properties in which the stores differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// `true` if the clock can be set exactly. Otherwise no tested time is near a deadline: the
    /// clock moves by multiples of four ticks, and all lengths are odd.
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
            Step::SetBack { .. } => !self.records.keys().any(expired),
            _ => true,
        }
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
