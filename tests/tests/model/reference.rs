//! The model: a state machine that follows the documentation of the trait. It knows no
//! implementation.

use super::step::{End, Step, Whose};
use apideck_hooks::store::MAX_ALIASES;
use std::collections::{BTreeMap, BTreeSet};

/// The properties that the trait leaves to a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// `true` if the clock can be set exactly. Otherwise no tested time is near a deadline: passing
    /// times are even, leases and the retention are odd.
    pub(crate) exact: bool,
    /// The maximum number of records, and of delivery keys. A full store evicts the oldest done
    /// event, then the oldest other event that does not run. It evicts the oldest delivery key.
    pub(crate) capacity: usize,
    /// `true` if it keeps dead letters.
    pub(crate) dead_letters: bool,
    pub(crate) crash: Crash,
    /// `true` if an abandoned running record never expires. Otherwise it expires a retention after
    /// its lease.
    pub(crate) abandoned_for_ever: bool,
    /// `true` if a delivery key whose record has expired names a later record of the event.
    pub(crate) left_over_keys: bool,
    /// `true` if a purge may delete a delivery key too, such as the one in the row of the record.
    pub(crate) purge_may_free_keys: bool,
    /// `true` if the store claims the record of the event before it looks at the delivery key. If
    /// the delivery key names another record, the claim is taken back and leaves a new token.
    pub(crate) claims_its_own_first: bool,
}

/// The effect of a crash of the receiver.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Crash {
    Forgets,
    /// Running records are released when the store is opened again.
    Frees,
    /// Running records are claimable when their leases are over.
    Abandons,
}

/// The retention, in ticks.
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
    /// The end of the lease of a running record, or the time of the last change of another one.
    pub(crate) at: u64,
    pub(crate) attempt: u32,
    /// The number of the event's last claim.
    pub(crate) claim: usize,
    /// The number of its delivery keys.
    bound: usize,
    /// The step in which it was settled.
    settled: usize,
    pub(crate) letter: Option<DeadLetter>,
}

#[derive(Clone, Debug)]
pub(crate) struct DeadLetter {
    pub(crate) attempts: u32,
    /// The step in which the event was dead-lettered.
    pub(crate) dead_lettered: usize,
}

/// The result of the last step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Response {
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
    /// `true` if a token was valid, or if a dead letter was released or purged.
    Told(bool),
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) kind: Kind,
    /// The number of different events.
    pub(crate) events: u8,
    /// `true` if most claims have new delivery keys.
    pub(crate) many_keys: bool,
    pub(crate) now: u64,
    pub(crate) records: BTreeMap<u8, Record>,
    /// The delivery keys and their events, in the order of binding.
    aliases: Vec<(u8, u8)>,
    /// The delivery keys of purged records. Each may be free or not.
    perhaps_free: BTreeSet<u8>,
    /// The number of delivery keys that were ever bound to an event.
    ever_bound: BTreeMap<u8, usize>,
    /// The number of granted claims of each event.
    pub(crate) grants: BTreeMap<u8, usize>,
    steps: usize,
    pub(crate) response: Response,
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
            response: Response::None,
        }
    }

    pub(crate) fn apply(mut self, step: &Step) -> Self {
        self.steps += 1;
        self.response = match *step {
            Step::Claim {
                event,
                delivery,
                lease,
            } => self.claim(event, delivery, lease),
            Step::Renew { event, whose, lease } => {
                let until = self.now + lease;
                let held = self.held(event, whose);
                Response::Told(held.map(|record| record.at = until).is_some())
            }
            Step::Finish { event, whose, end } => self.finish(event, whose, end),
            Step::Release { event } => self.release(event),
            Step::Purge { event } => {
                let there = self.dead_letter_at_rest(event).is_some();
                if there {
                    if self.kind.purge_may_free_keys {
                        let of_it = self.aliases.iter().filter(|(_, record)| *record == event);
                        self.perhaps_free.extend(of_it.map(|(delivery, _)| *delivery));
                    }
                    self.forget(event);
                }
                Response::Told(there)
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
                Response::None
            }
            Step::Crash => {
                self.crash();
                Response::None
            }
        };
        self
    }

    fn claim(&mut self, event: u8, delivery: Option<u8>, lease: u64) -> Response {
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
                    return Response::Full { record: event };
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

    fn take(&mut self, event: u8, lease: u64) -> Response {
        let record = self.records.get_mut(&event).expect("a record");
        match record.state {
            State::Done => return Response::Done { record: event },
            State::Dead => return Response::Dead { record: event },
            State::Running if record.at > self.now => {
                return Response::Running {
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
        Response::Granted {
            record: event,
            attempt: record.attempt,
        }
    }

    fn take_and_give_back(&mut self, event: u8) {
        if let Response::Granted { .. } = self.take(event, 0)
            && let Some(record) = self.records.get_mut(&event)
        {
            record.state = State::Released;
            record.attempt -= 1;
            record.settled = self.steps;
        }
    }

    /// The record if it runs under a claim.
    fn held(&mut self, event: u8, whose: Whose) -> Option<&mut Record> {
        let claim = self.claim_of(event, whose)?;
        let record = self.records.get_mut(&event)?;
        (record.state == State::Running && record.claim == claim).then_some(record)
    }

    /// The number of a claim of an event, if there is one.
    pub(crate) fn claim_of(&self, event: u8, whose: Whose) -> Option<usize> {
        let grants = self.grants.get(&event).copied().unwrap_or(0);
        match whose {
            Whose::Latest => Some(grants),
            Whose::Earlier(by) => grants.checked_sub(by),
            Whose::Future => None,
        }
        .filter(|claim| *claim > 0)
    }

    fn finish(&mut self, event: u8, whose: Whose, end: End) -> Response {
        let (now, step) = (self.now, self.steps);
        let Some(record) = self.held(event, whose) else {
            return Response::Told(false);
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
                record.letter = Some(DeadLetter {
                    attempts: record.attempt,
                    dead_lettered: step,
                });
            }
        }
        Response::Told(true)
    }

    /// A record with a dead letter that does not run under a lease.
    fn dead_letter_at_rest(&mut self, event: u8) -> Option<&mut Record> {
        let now = self.now;
        let record = self.records.get_mut(&event)?;
        let leased = record.state == State::Running && record.at > now;
        (record.letter.is_some() && !leased).then_some(record)
    }

    fn release(&mut self, event: u8) -> Response {
        let (now, step) = (self.now, self.steps);
        let Some(record) = self.dead_letter_at_rest(event) else {
            return Response::Told(false);
        };
        record.state = State::Released;
        record.attempt = 0;
        record.at = now;
        record.settled = step;
        Response::Told(true)
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
                // The owners of the claims are gone.
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

    /// `true` if the documentation defines the result. It does not define how delivery keys of an
    /// earlier record count towards the limit, nor which delivery keys a purge leaves.
    pub(crate) fn defines(&self, step: &Step) -> bool {
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

    /// The dead letters, the latest first.
    pub(crate) fn dead_letters(&self) -> Vec<(u8, DeadLetter)> {
        let dead_letters = self.records.iter();
        let mut dead_letters: Vec<_> = dead_letters
            .filter_map(|(event, record)| Some((*event, record.letter.clone()?)))
            .collect();
        dead_letters.sort_by_key(|(_, letter)| std::cmp::Reverse(letter.dead_lettered));
        dead_letters
    }
}
