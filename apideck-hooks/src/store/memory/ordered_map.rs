//! A map that keeps the order in which its values were put in.
//!
//! The limits on the time and the bytes of an event need it. A linked map allocates a node on the
//! heap for every record and every alias.
//!
//! # How it works
//!
//! Keys and values are slots of one `Vec`, and the index holds their positions. The slots in use
//! are linked from the oldest to the newest. Unused slots are linked too, and are used first. A
//! position has 32 bits, which keeps an event under the limit on its bytes.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::delivery::Key;

/// The maximum number of values.
pub(super) const MAX_LEN: usize = NONE as usize;

/// The position of no slot.
const NONE: u32 = u32::MAX;

/// A map that keeps the order in which its values were put in.
pub(super) struct OrderedMap<V> {
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    slots: Vec<Linked<V>>,
    oldest: u32,
    newest: u32,
    unused: u32,
}

struct Linked<V> {
    key: Key,
    value: V,
    older: u32,
    /// The next unused slot if this one is unused.
    newer: u32,
}

impl<V> Default for OrderedMap<V> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            slots: Vec::new(),
            oldest: NONE,
            newest: NONE,
            unused: NONE,
        }
    }
}

impl<V: Copy> OrderedMap<V> {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn get(&self, key: &Key) -> Option<V> {
        let is_key = |&at: &u32| self.slots[at as usize].key == *key;
        let at = *self.index.find(hash(&self.hasher, key), is_key)?;
        Some(self.slots[at as usize].value)
    }

    /// Puts a value in as the newest one, and replaces the value that the key has had.
    pub(super) fn insert(&mut self, key: Key, value: V) {
        let slots = &self.slots;
        let entry = self.index.entry(
            hash(&self.hasher, &key),
            |&at| slots[at as usize].key == key,
            |&at| hash(&self.hasher, &slots[at as usize].key),
        );
        let at = match entry {
            Entry::Occupied(entry) => {
                let at = *entry.get();
                self.slots[at as usize].value = value;
                self.unlink(at);
                at
            }
            Entry::Vacant(entry) => {
                let slot = Linked {
                    key,
                    value,
                    older: NONE,
                    newer: NONE,
                };
                let at = self.unused;
                if let Some(unused) = self.slots.get_mut(at as usize) {
                    self.unused = unused.newer;
                    *unused = slot;
                    entry.insert(at);
                    at
                } else {
                    // The store has fewer values than positions.
                    let at = self.slots.len() as u32;
                    self.slots.push(slot);
                    entry.insert(at);
                    at
                }
            }
        };
        self.link(at);
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<V> {
        let slots = &self.slots;
        let is_key = |&at: &u32| slots[at as usize].key == *key;
        let entry = self.index.find_entry(hash(&self.hasher, key), is_key).ok()?;
        let (at, _) = entry.remove();
        self.unlink(at);
        let slot = &mut self.slots[at as usize];
        slot.newer = self.unused;
        self.unused = at;
        Some(slot.value)
    }

    /// The keys and values, from the oldest.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, V)> {
        let slot = |at: u32| self.slots.get(at as usize);
        std::iter::successors(slot(self.oldest), move |at| slot(at.newer)).map(|slot| (slot.key, slot.value))
    }

    pub(super) fn oldest(&self) -> Option<(Key, V)> {
        self.iter().next()
    }

    pub(super) fn remove_oldest(&mut self) -> Option<V> {
        let (key, _) = self.oldest()?;
        self.remove(&key)
    }

    fn link(&mut self, at: u32) {
        let older = self.newest;
        let slot = &mut self.slots[at as usize];
        (slot.older, slot.newer) = (older, NONE);
        self.set_newer(older, at);
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Linked { older, newer, .. } = self.slots[at as usize];
        self.set_newer(older, newer);
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }

    fn set_newer(&mut self, at: u32, newer: u32) {
        match self.slots.get_mut(at as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
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

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    proptest! {
        /// The map has the same values in the same order as a list that is searched.
        #[test]
        fn it_is_a_list_that_is_found_by_key(steps in prop::collection::vec((0..4u8, 0..12u8), 0..200)) {
            let (mut map, mut list) = (OrderedMap::default(), Vec::new());
            for (value, (step, n)) in steps.into_iter().enumerate() {
                let found = list.iter().position(|(other, _)| *other == key(n));
                match step {
                    0 => prop_assert_eq!(map.remove(&key(n)), found.map(|at| list.remove(at).1)),
                    1 => {
                        let first = (!list.is_empty()).then(|| list.remove(0).1);
                        prop_assert_eq!(map.remove_oldest(), first);
                    }
                    _ => {
                        found.map(|at| list.remove(at));
                        list.push((key(n), value));
                        map.insert(key(n), value);
                    }
                }
                prop_assert_eq!(map.iter().collect::<Vec<_>>(), list.clone());
                prop_assert_eq!(map.oldest(), list.first().copied());
                prop_assert_eq!(map.len(), list.len());
                for n in 0..12 {
                    let value = list.iter().find(|(other, _)| *other == key(n));
                    prop_assert_eq!(map.get(&key(n)), value.map(|(_, value)| *value));
                }
            }
        }
    }

    #[test]
    fn removed_slots_are_used_again() {
        let mut map = OrderedMap::default();
        for n in 0..=255 {
            map.insert(key(n), ());
            if n >= 3 {
                map.remove_oldest();
            }
        }
        assert_eq!((map.len(), map.slots.len()), (3, 4));
    }

    /// With both keys, the slots of an event are 112 of its 200 bytes.
    #[test]
    fn a_slot_has_eight_bytes_beside_its_key_and_value() {
        assert_eq!(size_of::<Linked<[u64; 5]>>(), 16 + 40 + 8);
    }
}
