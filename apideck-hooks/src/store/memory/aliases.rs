//! Which record a delivery key is bound to.

use super::limits::Limits;
use super::table::{Hashed, Place, Queue, Table};
use super::turn::Turn;
use crate::delivery::Key;

/// A record lives on from its settlement, its aliases from their binding, before the handler ran: what they are kept
/// longer. Milliseconds.
const GRACE: u64 = 60 * 60 * 1000;

/// Bindings in the order in which they were made. Whether the record still exists is for its shard to say.
#[derive(Default)]
pub(super) struct Aliases {
    bindings: Table<Binding>,
    queue: Queue,
    turn: Turn,
}

#[derive(Clone, Copy)]
struct Binding {
    record: Key,
    /// Milliseconds.
    at: u64,
}

impl Aliases {
    /// Where the key is bound.
    pub(super) fn find(&self, delivery: &Hashed) -> Option<Place> {
        self.bindings.find(delivery)
    }

    /// Begins to fetch from the memory what is needed to bind the key.
    pub(super) fn fetch(&self, delivery: &Hashed) {
        self.bindings.fetch(delivery);
    }

    pub(super) fn record(&self, place: Place) -> Key {
        self.bindings.get(place).record
    }

    /// Binds a key, or binds it anew at the place where it was found. The oldest bindings go when their time is over or there
    /// are too many.
    pub(super) fn bind(
        &mut self,
        delivery: &Hashed,
        found: Option<Place>,
        record: Key,
        now: u64,
        limits: &Limits,
    ) {
        let binding = Binding { record, at: now };
        let Aliases {
            bindings,
            queue,
            turn,
        } = self;
        let place = match found {
            Some(place) => {
                bindings.unlink(queue, place);
                *bindings.get_mut(place) = binding;
                place
            }
            None => {
                let full = bindings.len() >= limits.records;
                if turn.comes(limits) || full {
                    let kept = limits.retention.saturating_add(GRACE);
                    let is_over = |binding: &Binding| binding.at.saturating_add(kept) <= now;
                    // More than are added until the next time, so that there are ever fewer that are over.
                    let over = bindings.remove_first(queue, 2 * limits.together, is_over);
                    if full && over == 0 {
                        bindings.remove_first(queue, limits.together, |_| true);
                    }
                }
                bindings.insert(delivery, binding)
            }
        };
        bindings.push(queue, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        retention: 1000,
        records: 2,
        together: 1,
    };

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    #[derive(Default)]
    struct Fixture(Aliases);

    impl Fixture {
        fn bind(&mut self, delivery: u8, record: u8, now: u64) {
            self.bind_within(delivery, record, now, &LIMITS);
        }

        fn bind_within(&mut self, delivery: u8, record: u8, now: u64, limits: &Limits) {
            let delivery = key(delivery).into();
            let found = self.0.find(&delivery);
            self.0.bind(&delivery, found, key(record), now, limits);
        }

        fn get(&self, delivery: u8) -> Option<Key> {
            Some(self.0.record(self.0.find(&key(delivery).into())?))
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let mut aliases = Fixture::default();
        for n in 1..=3 {
            aliases.bind(n, 100 + n, u64::from(n));
        }
        assert_eq!(
            [1, 2, 3].map(|n| aliases.get(n)),
            [None, Some(key(102)), Some(key(103))]
        );
        assert_eq!(aliases.0.bindings.len(), 2);
    }

    #[test]
    fn a_few_go_together() {
        let limits = Limits {
            retention: 1000,
            records: 20,
            together: 8,
        };
        let mut aliases = Fixture::default();
        for n in 1..=21 {
            aliases.bind_within(n, n, 0, &limits);
        }
        assert_eq!(aliases.0.bindings.len(), 13);
        assert_eq!([aliases.get(8), aliases.get(9)], [None, Some(key(9))]);
        // Over by now: two for each that comes, once for eight of them.
        let now = limits.retention + GRACE;
        for n in 101..=116 {
            aliases.bind_within(n, n, now, &limits);
        }
        assert_eq!(aliases.get(21), None);
        assert_eq!(aliases.0.bindings.len(), 16);
    }

    #[test]
    fn those_whose_time_is_over_go() {
        let mut aliases = Fixture::default();
        aliases.bind(1, 101, 0);
        aliases.bind(2, 102, LIMITS.retention + GRACE);
        assert_eq!([1, 2].map(|n| aliases.get(n)), [None, Some(key(102))]);
    }

    #[test]
    fn a_key_that_was_bound_anew_outlives_its_first_binding() {
        let mut aliases = Fixture::default();
        aliases.bind(1, 101, 1);
        aliases.bind(2, 102, 2);
        aliases.bind(1, 103, 3);
        aliases.bind(3, 104, 4);
        assert_eq!(
            [1, 2, 3].map(|n| aliases.get(n)),
            [Some(key(103)), None, Some(key(104))]
        );
    }
}
