//! Which record a delivery key is bound to.

use super::Limits;
use crate::delivery::Key;
use std::collections::{HashMap, VecDeque};

/// A record lives on from its settlement, its aliases from their binding, before the handler ran: what they are kept
/// longer. Milliseconds.
const GRACE: u64 = 60 * 60 * 1000;

/// Bindings in the order in which they were made. Whether the record still exists is for its shard to say.
#[derive(Default)]
pub(super) struct Aliases {
    records: HashMap<Key, (Key, u64)>,
    order: VecDeque<(Key, u64)>,
}

impl Aliases {
    pub(super) fn get(&self, delivery: &Key) -> Option<Key> {
        self.records.get(delivery).map(|(record, _)| *record)
    }

    /// Binds a key, or binds it anew. The oldest bindings go when their time is over or there are too many.
    pub(super) fn bind(&mut self, delivery: Key, record: Key, now: u64, limits: &Limits) {
        while let Some((oldest, at)) = self.order.front()
            && (self.order.len() >= limits.records
                || at.saturating_add(limits.retention).saturating_add(GRACE) <= now)
        {
            if self
                .records
                .get(oldest)
                .is_some_and(|(_, bound_at)| bound_at == at)
            {
                self.records.remove(oldest);
            }
            self.order.pop_front();
        }
        self.records.insert(delivery, (record, now));
        self.order.push_back((delivery, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    #[test]
    fn the_oldest_go_first() {
        let limits = Limits {
            retention: 1000,
            records: 2,
        };
        let mut aliases = Aliases::default();
        for n in 1..=3 {
            aliases.bind(key(n), key(100 + n), u64::from(n), &limits);
        }
        assert_eq!(
            [1, 2, 3].map(|n| aliases.get(&key(n))),
            [None, Some(key(102)), Some(key(103))]
        );
        assert!(aliases.order.len() <= 2 && aliases.records.len() <= 2);
    }

    #[test]
    fn a_key_that_was_bound_anew_outlives_its_first_binding() {
        let limits = Limits {
            retention: 1000,
            records: 2,
        };
        let mut aliases = Aliases::default();
        aliases.bind(key(1), key(101), 1, &limits);
        aliases.bind(key(1), key(102), 2, &limits);
        aliases.bind(key(3), key(103), 3, &limits);
        assert_eq!(aliases.get(&key(1)), Some(key(102)));
    }
}
