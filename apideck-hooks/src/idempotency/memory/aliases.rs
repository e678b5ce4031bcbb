//! Which record a delivery key is bound to.

use super::Limits;
use super::table::{Hashed, Place, Queue, Table};
use crate::delivery::Key;

/// A record lives on from its settlement, its aliases from their binding, before the handler ran: what they are kept
/// longer. Milliseconds.
const GRACE: u64 = 60 * 60 * 1000;

/// Bindings in the order in which they were made. Whether the record still exists is for its shard to say.
#[derive(Default)]
pub(super) struct Aliases {
    bindings: Table<Binding>,
    queue: Queue,
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
        self.bindings.fetch(delivery, &self.queue);
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
        let Aliases { bindings, queue } = self;
        let place = match found {
            Some(place) => {
                bindings.unlink(queue, place);
                *bindings.get_mut(place) = binding;
                place
            }
            None => {
                // Two, so that there are ever fewer that are over.
                for _ in 0..2 {
                    let oldest = queue.first().filter(|place| {
                        let at = bindings.get(*place).at;
                        bindings.len() >= limits.records
                            || at.saturating_add(limits.retention).saturating_add(GRACE) <= now
                    });
                    let Some(oldest) = oldest else { break };
                    bindings.unlink(queue, oldest);
                    bindings.remove(oldest);
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
    };

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    #[derive(Default)]
    struct Fixture(Aliases);

    impl Fixture {
        fn bind(&mut self, delivery: u8, record: u8, now: u64) {
            let delivery = key(delivery).into();
            let found = self.0.find(&delivery);
            self.0.bind(&delivery, found, key(record), now, &LIMITS);
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
