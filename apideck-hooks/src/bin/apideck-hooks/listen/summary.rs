//! The facts that deliveries have in common.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::seen::Seen;
use crate::screen::Screen;
use crate::text::count;

/// Most events that are compared with their retries, and most kinds of signatures.
const MAX_EVENTS: usize = 10_000;

/// Longest idempotency key that is remembered.
const LONGEST_KEY: usize = 200;

/// The signed facts by which an event is known: type, id and entity.
type SignedFacts = (String, String, Option<String>);

#[derive(Default)]
pub(super) struct Summary {
    deliveries: usize,
    unverified: usize,
    refused: usize,
    /// Deliveries by form and encoding.
    signed: BTreeMap<String, usize>,
    with_envelope: usize,
    without_envelope: usize,
    /// The idempotency key of each event, and if later deliveries had the same one.
    keys: HashMap<SignedFacts, Repeated<Option<String>>>,
    /// The identity of each idempotency key.
    ids: HashMap<String, Repeated<SignedFacts>>,
}

struct Repeated<T> {
    first: T,
    again: usize,
    changed: bool,
}

impl Summary {
    /// Adds a delivery. One that does not verify is only counted, because a stranger may have sent
    /// it.
    pub(super) fn add(&mut self, seen: &Seen) {
        self.deliveries += 1;
        let Some(signed) = seen.signed() else {
            self.unverified += 1;
            return;
        };
        *self.signed.entry(signed).or_default() += 1;
        match seen.envelope {
            Some(true) => self.with_envelope += 1,
            Some(false) => self.without_envelope += 1,
            None => {}
        }
        let (Some(event_type), Some(id)) = (&seen.event_type, &seen.event_id) else {
            return;
        };
        let identity = (event_type.clone(), id.clone(), seen.entity_id.clone());
        // The key is not signed, so its length is a stranger's choice.
        let key = seen.key.clone().filter(|key| key.len() <= LONGEST_KEY);
        if let Some(key) = &key {
            repeat(&mut self.ids, key.clone(), identity.clone());
        }
        repeat(&mut self.keys, identity, key);
    }

    /// Counts a request whose body was not read.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
    }

    pub(super) fn print(&self, screen: &mut Screen) {
        let (repeated, other_keys) = repetitions(&self.keys);
        let (same_key, other_ids) = repetitions(&self.ids);
        screen.object(json!({
            "summary": {
                "deliveries": self.deliveries,
                "not_verified": self.unverified,
                "refused": self.refused,
                "signed": self.signed,
                "with_envelope": self.with_envelope,
                "without_envelope": self.without_envelope,
                "events_delivered_again": repeated,
                "of_these_with_another_key": other_keys,
                "keys_delivered_again": same_key,
                "of_these_with_another_event": other_ids,
            }
        }));
        self.print_counts(screen);
        let retries = match (repeated, other_keys) {
            (0, _) => "no event came again, so nothing is known about retries".to_owned(),
            (_, 0) => format!(
                "{} came again, each with the same idempotency key",
                count(repeated, "event")
            ),
            _ => format!(
                "{} came again, {other_keys} of them with another idempotency key",
                count(repeated, "event")
            ),
        };
        screen.plain(|_| format!("  {retries}"));
        let keys = match (same_key, other_ids) {
            (0, _) => return,
            (_, 0) => format!(
                "{} came again, each with the same event id",
                count(same_key, "idempotency key")
            ),
            _ => format!(
                "{} came again with another event",
                count(other_ids, "idempotency key")
            ),
        };
        screen.plain(|_| format!("  {keys}"));
    }

    fn print_counts(&self, screen: &mut Screen) {
        screen.plain(|paint| {
            let refused = match self.refused {
                0 => String::new(),
                refused => format!(", {refused} refused"),
            };
            let verified = match self.unverified {
                0 => "all verified".to_owned(),
                unverified => paint.bad(format_args!("{unverified} not verified")),
            };
            format!(
                "{}: {verified}{refused}",
                paint.strong(deliveries(self.deliveries))
            )
        });
        for (signed, number) in &self.signed {
            screen.plain(|_| format!("  signed {signed}: {number}"));
        }
        if self.without_envelope > 0 {
            screen.plain(|_| {
                format!(
                    "  bodies without the `payload` envelope: {}",
                    self.without_envelope
                )
            });
        }
    }
}

/// Notes a value of a key, if there is room for another key.
fn repeat<K: std::hash::Hash + Eq, T: PartialEq>(map: &mut HashMap<K, Repeated<T>>, key: K, value: T) {
    if let Some(known) = map.get_mut(&key) {
        known.again += 1;
        known.changed |= known.first != value;
    } else if map.len() < MAX_EVENTS {
        map.insert(
            key,
            Repeated {
                first: value,
                again: 0,
                changed: false,
            },
        );
    }
}

/// Counts the keys that came again, and those of them with another value.
fn repetitions<K, T>(map: &HashMap<K, Repeated<T>>) -> (usize, usize) {
    let again = map.values().filter(|known| known.again > 0);
    (again.clone().count(), again.filter(|known| known.changed).count())
}

fn deliveries(number: usize) -> String {
    match number {
        1 => "1 delivery".to_owned(),
        _ => format!("{number} deliveries"),
    }
}
