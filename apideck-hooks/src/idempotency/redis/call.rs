//! Claims and ends as they are sent: any number of them in one script.

use super::answer::list;
use super::scripts::{self, Step};
use crate::delivery::Key;
use crate::idempotency::store::{MAX_ALIASES, Token};
use ::redis::Value;
use std::fmt::Write;

/// Tells a call from all others, so that it can be sent again when its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; 16]);

/// What an alias holds: the record, and which binding it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) record: Key,
    pub(super) mark: Mark,
}

impl Binding {
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.record.to_bytes());
        bytes[16..].copy_from_slice(&self.mark.0);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        let (mut record, mut mark) = ([0; 16], [0; 16]);
        record.copy_from_slice(&bytes[..16]);
        mark.copy_from_slice(&bytes[16..]);
        Binding {
            record: Key::from_bytes(record),
            mark: Mark(mark),
        }
    }
}

/// A claim of a record under a delivery key.
#[derive(Clone, Copy)]
pub(super) struct Taking {
    pub(super) record: Key,
    pub(super) mark: Mark,
    /// Milliseconds.
    pub(super) lease: u64,
    /// Is put on the record's list.
    pub(super) delivery: Option<Key>,
}

impl Taking {
    /// Of the delivery key.
    pub(super) fn binding(&self) -> Binding {
        Binding {
            record: self.record,
            mark: self.mark,
        }
    }
}

/// An end that needs no body.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub(super) record: Key,
    pub(super) token: Token,
    pub(super) mark: Mark,
    /// Handled; else to be tried again.
    pub(super) done: bool,
}

/// What is sent together with others.
#[derive(Clone, Copy)]
pub(super) enum Call {
    Take(Taking),
    End(Ending),
}

/// How a claim deals with what its delivery key is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alias {
    /// Binds it in the same script, which takes one server for both keys.
    Bound,
    /// Leaves it alone.
    Left,
    /// Leaves it alone, and claims only a record that is there.
    Found,
}

/// What all calls of a store have in common.
pub(super) struct Form {
    pub(super) prefix: String,
    /// Milliseconds.
    pub(super) retention: u64,
}

/// Aliases are kept longer than a settled record by as much as Apideck's retries take, as the record starts its retention with
/// its last change and the alias with its first delivery. Milliseconds.
const GRACE: u64 = 24 * 60 * 60 * 1000;

/// The part of a delivery key that its record lists.
pub(super) fn short(delivery: Key) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = delivery.to_bytes();
    [a, b, c, d, e, f, g, h]
}

/// As records have it, which are compared byte by byte.
pub(super) fn digits(token: Token) -> String {
    format!("{:016}", token.0)
}

impl Form {
    pub(super) fn record_key(&self, record: Key) -> Vec<u8> {
        self.name("r", record)
    }

    pub(super) fn alias_key(&self, delivery: Key) -> Vec<u8> {
        self.name("a", delivery)
    }

    pub(super) fn alias_life(&self) -> u64 {
        self.retention + GRACE
    }

    fn name(&self, kind: &str, key: Key) -> Vec<u8> {
        let mut name = String::with_capacity(self.prefix.len() + 35);
        // Writing to a `String` does not fail.
        let _ = write!(name, "{}:{kind}:{key}", self.prefix);
        name.into()
    }

    /// The claims, then the ends: a step for each of the two that there are.
    pub(super) fn steps(&self, calls: &[Call]) -> Vec<Step> {
        let takings = calls.iter().filter_map(|call| match call {
            Call::Take(taking) => Some(taking),
            Call::End(_) => None,
        });
        let endings = calls.iter().filter_map(|call| match call {
            Call::Take(_) => None,
            Call::End(ending) => Some(ending),
        });
        let mut steps = Vec::with_capacity(2);
        if takings.clone().next().is_some() {
            steps.push(self.take(takings, Alias::Bound));
        }
        if endings.clone().next().is_some() {
            steps.push(self.end(endings));
        }
        steps
    }

    /// An answer for each call, from the answers to [their steps](Self::steps); nil where there is none.
    pub(super) fn answers(calls: &[Call], values: Vec<Value>) -> Vec<Value> {
        let mut lists = values
            .into_iter()
            .map(|value| list(value).unwrap_or_default().into_iter());
        let take = |call: &Call| matches!(call, Call::Take(_));
        let mut takings = if calls.iter().any(take) {
            lists.next()
        } else {
            None
        }
        .into_iter()
        .flatten();
        let mut endings = lists.next().into_iter().flatten();
        let next = |call| {
            if take(call) {
                takings.next()
            } else {
                endings.next()
            }
        };
        calls
            .iter()
            .map(next)
            .map(|answer| answer.unwrap_or(Value::Nil))
            .collect()
    }

    /// Claims, an answer for each.
    pub(super) fn take<'a>(&self, takings: impl Iterator<Item = &'a Taking> + Clone, alias: Alias) -> Step {
        let bound = |taking: &Taking| taking.delivery.filter(|_| alias == Alias::Bound);
        let (mut calls, mut keys) = (0, 0);
        for taking in takings.clone() {
            calls += 1;
            keys += 1 + usize::from(bound(taking).is_some());
        }
        let mut step = Step::calls(&scripts::CLAIM, calls, keys);
        for taking in takings.clone() {
            step.key(self.record_key(taking.record));
            if let Some(delivery) = bound(taking) {
                step.key(self.alias_key(delivery));
            }
        }
        step.add(self.retention);
        step.add(self.alias_life());
        step.add(MAX_ALIASES);
        step.add(u8::from(alias == Alias::Found));
        for taking in takings {
            let short = taking.delivery.map(short);
            let binding = bound(taking).map(|_| taking.binding().to_bytes());
            step.add(taking.lease);
            step.add(&taking.mark.0[..]);
            step.add(short.as_ref().map_or(&[][..], |short| short));
            step.add(binding.as_ref().map_or(&[][..], |binding| binding));
        }
        step
    }

    /// Ends, an answer for each.
    pub(super) fn end<'a>(&self, endings: impl Iterator<Item = &'a Ending> + Clone) -> Step {
        let calls = endings.clone().count();
        let mut step = Step::calls(&scripts::FINISH, calls, calls);
        for ending in endings.clone() {
            step.key(self.record_key(ending.record));
        }
        step.add(self.retention);
        for ending in endings {
            step.add(digits(ending.token));
            step.add(&ending.mark.0[..]);
            step.add(if ending.done { "d" } else { "f" });
        }
        step
    }
}
