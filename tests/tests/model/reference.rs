//! What the documentation of the trait says a store does, as a machine of its own. It knows of no implementation.

use super::step::{End, Step, Whose};
use apideck_hooks::store::MAX_ALIASES;
use std::collections::{BTreeMap, BTreeSet};

/// What the trait leaves to the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Whether its clock can be set to the very moment. Where it goes on by itself, no moment that matters is near one
    /// that is tested: times that pass are even, leases and the retention odd.
    pub(crate) exact: bool,
    /// So many records it takes, and so many delivery keys. The event that was handled longest ago goes for a new one, then the
    /// others at rest; the key that was bound longest ago.
    pub(crate) capacity: usize,
    /// Whether it keeps what is set aside.
    pub(crate) letters: bool,
    pub(crate) crash: Crash,
    /// Whether a record that was abandoned while it ran is kept for ever, or for a retention after its lease.
    pub(crate) abandoned_for_ever: bool,
    /// Whether a delivery key whose record was forgotten finds a later record of the same event.
    pub(crate) left_over_keys: bool,
    /// Whether a purge may take a delivery key along, such as the one that stands in the record's own row.
    pub(crate) purge_may_free_keys: bool,
    /// Whether a claim whose delivery key turns out to be another record's is first made, and then taken back, on the event's
    /// own: if that was claimable, it is released, under a token that nobody was given.
    pub(crate) claims_its_own_first: bool,
}

/// What a crash of the receiver does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Crash {
    Forgets,
    /// What ran is free when the store is opened again.
    Frees,
    /// What ran is free when its lease is over.
    Abandons,
}

/// Ticks.
pub(crate) const RETENTION: u64 = 21;
pub(crate) const EVENTS: u8 = 4;
pub(crate) const DELIVERIES: u8 = 12;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum State {
    Running,
    Released,
    Done,
    Dead,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) state: State,
    /// When the lease of a running record ends, when any other was last changed.
    pub(crate) at: u64,
    pub(crate) attempt: u32,
    /// Which of the event's claims was the last.
    pub(crate) claim: usize,
    /// Delivery keys bound to it.
    bound: usize,
    /// When it was settled, as a place in the order of all that was done.
    settled: usize,
    pub(crate) letter: Option<Letter>,
}

#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) attempts: u32,
    /// When it was set aside, as a place in the order of all that was done.
    pub(crate) set_aside: usize,
}

/// The answer to the last step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Answer {
    None,
    Granted {
        record: u8,
        attempt: u32,
    },
    Running {
        record: u8,
        left: u64,
    },
    Done {
        record: u8,
    },
    Dead {
        record: u8,
    },
    Full {
        record: u8,
    },
    /// Whether a token held, or a letter was there to be released or purged.
    Told(bool),
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) kind: Kind,
    /// So many different events come.
    pub(crate) events: u8,
    /// Whether they come under ever new delivery keys.
    pub(crate) many_keys: bool,
    pub(crate) now: u64,
    pub(crate) records: BTreeMap<u8, Record>,
    /// Delivery keys and their events, in the order in which they were bound.
    aliases: Vec<(u8, u8)>,
    /// Delivery keys of what was purged, of which each may be free or not.
    perhaps_free: BTreeSet<u8>,
    /// Delivery keys that were ever bound to an event.
    ever_bound: BTreeMap<u8, usize>,
    /// How often each event was granted.
    pub(crate) grants: BTreeMap<u8, usize>,
    steps: usize,
    pub(crate) answer: Answer,
}

impl Model {
    pub(crate) fn new(kind: Kind, events: u8, many_keys: bool) -> Self {
        Model {
            kind,
            events,
            many_keys,
            now: 0,
            records: BTreeMap::new(),
            aliases: Vec::new(),
            perhaps_free: BTreeSet::new(),
            ever_bound: BTreeMap::new(),
            grants: BTreeMap::new(),
            steps: 0,
            answer: Answer::None,
        }
    }

    pub(crate) fn apply(mut self, step: &Step) -> Self {
        self.steps += 1;
        self.answer = match *step {
            Step::Claim {
                event,
                delivery,
                lease,
            } => self.claim(event, delivery, lease),
            Step::Renew { event, whose, lease } => {
                let until = self.now + lease;
                let held = self.held(event, whose);
                Answer::Told(held.map(|record| record.at = until).is_some())
            }
            Step::Finish { event, whose, end } => self.finish(event, whose, end),
            Step::Release { event } => self.release(event),
            Step::Purge { event } => {
                let there = self.letter_at_rest(event).is_some();
                if there {
                    if self.kind.purge_may_free_keys {
                        let of_it = self.aliases.iter().filter(|(_, record)| *record == event);
                        self.perhaps_free.extend(of_it.map(|(delivery, _)| *delivery));
                    }
                    self.forget(event);
                }
                Answer::Told(there)
            }
            Step::Wait { ticks } => {
                self.now += ticks;
                let over = |record: &Record| match record.state {
                    State::Running => !self.kind.abandoned_for_ever && record.at + RETENTION <= self.now,
                    _ => record.at + RETENTION <= self.now,
                };
                let over: Vec<u8> = self
                    .records
                    .iter()
                    .filter(|(_, record)| over(record))
                    .map(|(event, _)| *event)
                    .collect();
                over.into_iter().for_each(|event| self.forget(event));
                Answer::None
            }
            Step::Crash => {
                self.crash();
                Answer::None
            }
        };
        self
    }

    fn claim(&mut self, event: u8, delivery: Option<u8>, lease: u64) -> Answer {
        let bound = delivery.and_then(|delivery| self.bound(delivery));
        if let Some(record) = bound.filter(|record| self.records.contains_key(record)) {
            if record != event && self.kind.claims_its_own_first && self.records.contains_key(&event) {
                self.take_and_give_back(event);
            }
            return self.take(record, lease);
        }
        if !self.records.contains_key(&event) {
            if self.records.len() >= self.kind.capacity {
                let at_rest = self
                    .records
                    .iter()
                    .filter(|(_, record)| record.state != State::Running);
                let oldest = at_rest.min_by_key(|(_, record)| (record.state != State::Done, record.settled));
                let Some((&oldest, _)) = oldest else {
                    return Answer::Full { record: event };
                };
                self.forget(oldest);
            }
            let new = Record {
                state: State::Released,
                at: self.now,
                attempt: 0,
                claim: 0,
                bound: 0,
                settled: self.steps,
                letter: None,
            };
            self.records.insert(event, new);
        }
        if let (Some(delivery), Some(record)) = (delivery, self.records.get_mut(&event))
            && record.bound < MAX_ALIASES
        {
            record.bound += 1;
            *self.ever_bound.entry(event).or_default() += 1;
            self.aliases.retain(|(bound, _)| *bound != delivery);
            if self.aliases.len() >= self.kind.capacity {
                self.aliases.remove(0);
            }
            self.aliases.push((delivery, event));
            self.perhaps_free.remove(&delivery);
        }
        self.take(event, lease)
    }

    fn bound(&self, delivery: u8) -> Option<u8> {
        let bound = self.aliases.iter().find(|(bound, _)| *bound == delivery);
        bound.map(|(_, event)| *event)
    }

    fn take(&mut self, event: u8, lease: u64) -> Answer {
        let record = self.records.get_mut(&event).expect("it was looked for");
        match record.state {
            State::Done => return Answer::Done { record: event },
            State::Dead => return Answer::Dead { record: event },
            State::Running if record.at > self.now => {
                return Answer::Running {
                    record: event,
                    left: record.at - self.now,
                };
            }
            State::Running | State::Released => {}
        }
        let grants = self.grants.entry(event).or_default();
        *grants += 1;
        record.claim = *grants;
        record.state = State::Running;
        record.at = self.now + lease;
        record.attempt += 1;
        Answer::Granted {
            record: event,
            attempt: record.attempt,
        }
    }

    fn take_and_give_back(&mut self, event: u8) {
        if let Answer::Granted { .. } = self.take(event, 0)
            && let Some(record) = self.records.get_mut(&event)
        {
            record.state = State::Released;
            record.attempt -= 1;
            record.settled = self.steps;
        }
    }

    /// The record, if it runs under this claim.
    fn held(&mut self, event: u8, whose: Whose) -> Option<&mut Record> {
        let claim = self.claim_of(event, whose)?;
        let record = self.records.get_mut(&event)?;
        (record.state == State::Running && record.claim == claim).then_some(record)
    }

    /// Which of the event's claims is meant, if there is such a one.
    pub(crate) fn claim_of(&self, event: u8, whose: Whose) -> Option<usize> {
        let grants = self.grants.get(&event).copied().unwrap_or(0);
        match whose {
            Whose::Latest => Some(grants),
            Whose::Earlier(by) => grants.checked_sub(by),
            Whose::Future => None,
        }
        .filter(|claim| *claim > 0)
    }

    fn finish(&mut self, event: u8, whose: Whose, end: End) -> Answer {
        let (now, step) = (self.now, self.steps);
        let Some(record) = self.held(event, whose) else {
            return Answer::Told(false);
        };
        record.at = now;
        record.settled = step;
        match end {
            End::Done => {
                record.state = State::Done;
                record.letter = None;
            }
            End::Release => record.state = State::Released,
            End::Dead => {
                record.state = State::Dead;
                record.letter = Some(Letter {
                    attempts: record.attempt,
                    set_aside: step,
                });
            }
        }
        Answer::Told(true)
    }

    /// A record with a letter that does not run under a lease.
    fn letter_at_rest(&mut self, event: u8) -> Option<&mut Record> {
        let now = self.now;
        let record = self.records.get_mut(&event)?;
        let leased = record.state == State::Running && record.at > now;
        (record.letter.is_some() && !leased).then_some(record)
    }

    fn release(&mut self, event: u8) -> Answer {
        let (now, step) = (self.now, self.steps);
        let Some(record) = self.letter_at_rest(event) else {
            return Answer::Told(false);
        };
        record.state = State::Released;
        record.attempt = 0;
        record.at = now;
        record.settled = step;
        Answer::Told(true)
    }

    fn crash(&mut self) {
        match self.kind.crash {
            Crash::Forgets => {
                *self = Model {
                    now: self.now,
                    ..Model::new(self.kind, self.events, self.many_keys)
                };
            }
            Crash::Frees => {
                // Who held a claim is gone; the others of its tokens with it.
                self.grants.clear();
                for record in self.records.values_mut() {
                    if record.state == State::Running {
                        record.state = State::Released;
                        record.at = self.now;
                    }
                }
            }
            Crash::Abandons => {}
        }
    }

    fn forget(&mut self, event: u8) {
        self.records.remove(&event);
        if !self.kind.left_over_keys {
            self.aliases.retain(|(_, record)| *record != event);
            self.ever_bound.remove(&event);
        }
    }

    /// Whether the documentation tells the outcome. How keys of an earlier record of the event count towards the most that a
    /// record takes, it does not; nor, of some stores, which keys a purge leaves.
    pub(crate) fn tells(&self, step: &Step) -> bool {
        let Step::Claim {
            event,
            delivery: Some(delivery),
            ..
        } = step
        else {
            return true;
        };
        let bound = self.bound(*delivery);
        if bound.is_some_and(|record| self.records.contains_key(&record)) {
            return bound == Some(*event) || !self.perhaps_free.contains(delivery);
        }
        let ever = self.ever_bound.get(event).copied().unwrap_or(0);
        let now = self.records.get(event).map_or(0, |record| record.bound);
        ever == now || ever < MAX_ALIASES
    }

    /// The letters, the latest first.
    pub(crate) fn letters(&self) -> Vec<(u8, Letter)> {
        let letters = self.records.iter();
        let mut letters: Vec<_> = letters
            .filter_map(|(event, record)| Some((*event, record.letter.clone()?)))
            .collect();
        letters.sort_by_key(|(_, letter)| std::cmp::Reverse(letter.set_aside));
        letters
    }
}
