//! A map that keeps the order in which its values were put in.
//!
//! The limits on the time and the bytes of an event need it. A linked map allocates a node on the
//! heap for every record and every alias.
//!
//! # How it works
//!
//! Keys and values are slots of one `Vec`, and the index holds their positions. The slots in use
//! are linked to rings, from the oldest to the newest. The first slots have no key: each is the
//! place in a ring where its end meets its begin, so no link leads nowhere. Unused slots are linked
//! too, and are used first. A position has 32 bits, which keeps an event under the limit on its
//! bytes.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::delivery::Key;

/// The maximum number of values.
pub(super) const MAX_LEN: usize = u32::MAX as usize - MAX_LISTS;

const MAX_LISTS: usize = 2;

/// One of the lists of a map, by the position of the slot where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(super) enum List {
    First = 0,
    Second = 1,
}

/// The position of a value. It is worth nothing after the value was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Position(u32);

/// A map whose values are in two lists, in the order in which they were put in.
pub(super) struct OrderedMap<V> {
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    slots: Vec<Linked<V>>,
    /// The first unused slot, or 0.
    unused: u32,
}

struct Linked<V> {
    key: Key,
    value: V,
    older: u32,
    /// The next unused slot, or 0, if this one is unused.
    newer: u32,
}

impl<V: Copy> OrderedMap<V> {
    /// Makes an empty map. The value is for slots without a key.
    pub(super) fn new(blank: V) -> Self {
        let end = |at| Linked {
            key: Key::from_bytes([0; 16]),
            value: blank,
            older: at,
            newer: at,
        };
        Self {
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            slots: [List::First, List::Second].map(|list| end(list as u32)).into(),
            unused: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, key: &Key) -> Option<Position> {
        let is_key = |&at: &u32| self.slots[at as usize].key == *key;
        self.index
            .find(hash(&self.hasher, key), is_key)
            .map(|&at| Position(at))
    }

    pub(super) fn value(&self, Position(at): Position) -> V {
        self.slots[at as usize].value
    }

    /// Adds the value of a key that has none, as the newest one of a list.
    pub(super) fn add(&mut self, list: List, key: Key, value: V) {
        let slot = Linked {
            key,
            value,
            older: 0,
            newer: 0,
        };
        let at = match self.unused {
            0 => {
                self.slots.push(slot);
                // A map has fewer values than positions.
                self.slots.len() as u32 - 1
            }
            at => {
                let unused = std::mem::replace(&mut self.slots[at as usize], slot);
                self.unused = unused.newer;
                at
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash(&self.hasher, &key), at, |&at| {
            hash(&self.hasher, &slots[at as usize].key)
        });
        self.link(list, at);
    }

    /// Replaces a value, and makes it the newest one of a list.
    pub(super) fn replace(&mut self, list: List, Position(at): Position, value: V) {
        self.slots[at as usize].value = value;
        self.unlink(at);
        self.link(list, at);
    }

    pub(super) fn remove(&mut self, Position(at): Position) -> V {
        let slot = &self.slots[at as usize];
        let (hash, value) = (hash(&self.hasher, &slot.key), slot.value);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
            entry.remove();
        }
        self.unlink(at);
        self.slots[at as usize].newer = self.unused;
        self.unused = at;
        value
    }

    /// The values of a list and their positions, from the oldest.
    pub(super) fn iter(&self, list: List) -> impl Iterator<Item = (Position, V)> {
        let end = list as u32;
        let newer = move |at: u32| Some(self.slots[at as usize].newer).filter(|&newer| newer != end);
        std::iter::successors(newer(end), move |&at| newer(at))
            .map(|at| (Position(at), self.slots[at as usize].value))
    }

    pub(super) fn oldest(&self, list: List) -> Option<(Position, V)> {
        self.iter(list).next()
    }

    fn link(&mut self, list: List, at: u32) {
        let end = list as u32;
        let older = std::mem::replace(&mut self.slots[end as usize].older, at);
        self.slots[older as usize].newer = at;
        let slot = &mut self.slots[at as usize];
        (slot.older, slot.newer) = (older, end);
    }

    fn unlink(&mut self, at: u32) {
        let Linked { older, newer, .. } = self.slots[at as usize];
        self.slots[older as usize].newer = newer;
        self.slots[newer as usize].older = older;
    }
}

/// Hashes a key with a secret, because the keys of one shard have their low bits in common.
fn hash(hasher: &DefaultHashBuilder, key: &Key) -> u64 {
    // As one number, which is faster than as bytes.
    hasher.hash_one(u128::from_le_bytes(key.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: [List; 2] = [List::First, List::Second];

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    proptest! {
        /// The map has the same values in the same order as two lists that are searched.
        #[test]
        fn it_is_two_lists_that_are_found_by_key(
            steps in prop::collection::vec((0..5u8, 0..2usize, 0..12u8), 0..200)
        ) {
            let mut map = OrderedMap::new(usize::MAX);
            let mut lists: [Vec<(u8, usize)>; 2] = Default::default();
            for (value, (step, list, n)) in steps.into_iter().enumerate() {
                let found = map.find(&key(n));
                let before = lists.iter().flatten().find(|(other, _)| *other == n).copied();
                prop_assert_eq!(found.map(|at| map.value(at)), before.map(|(_, value)| value));
                let removed = match (step, found) {
                    (0, Some(at)) => Some(map.remove(at)),
                    (1, _) => map.oldest(BOTH[list]).map(|(at, _)| map.remove(at)),
                    (_, Some(at)) => {
                        let before = map.value(at);
                        map.replace(BOTH[list], at, value);
                        Some(before)
                    }
                    (_, None) => None,
                };
                if step == 1 {
                    prop_assert_eq!(removed, lists[list].first().map(|(_, value)| *value));
                }
                for list in &mut lists {
                    list.retain(|(_, value)| Some(*value) != removed);
                }
                if step > 1 {
                    if found.is_none() {
                        map.add(BOTH[list], key(n), value);
                    }
                    lists[list].push((n, value));
                }
                prop_assert_eq!(map.len(), lists[0].len() + lists[1].len());
                for (list, expected) in BOTH.into_iter().zip(&lists) {
                    let values: Vec<_> = map.iter(list).map(|(_, value)| value).collect();
                    let expected: Vec<_> = expected.iter().map(|(_, value)| *value).collect();
                    prop_assert_eq!(values, expected);
                }
            }
        }
    }

    #[test]
    fn removed_slots_are_used_again() {
        let mut map = OrderedMap::new(());
        for n in 0..=255 {
            map.add(List::First, key(n), ());
            if n >= 3 {
                let (oldest, ()) = map.oldest(List::First).unwrap();
                map.remove(oldest);
            }
        }
        assert_eq!((map.len(), map.slots.len()), (3, 2 + 4));
    }

    /// With both keys, the slots of an event are 152 of its 200 bytes.
    #[test]
    fn a_slot_has_eight_bytes_beside_its_key_and_value() {
        assert_eq!(size_of::<Linked<[u64; 5]>>(), 16 + 40 + 8);
    }
}
