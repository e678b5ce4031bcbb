//! Where entries are, by the hashes of their keys.
//!
//! Hashes and places lie side by side in one array, so that a look-up waits for the memory once: an index of millions is in no cache, and
//! what is waited for there is most of what remembering costs. Each stands as near as possible behind the place that its hash
//! says (linear probing), and one that is removed has those behind it move up.

use std::hint::black_box;

/// Where an entry is, until it is removed.
pub(super) type Place = u32;

/// No place.
pub(super) const NONE: Place = Place::MAX;

#[derive(Default)]
pub(super) struct Index {
    /// A power of two of them, or none.
    slots: Vec<Slot>,
    len: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    place: Place,
}

const EMPTY: Slot = Slot { hash: 0, place: NONE };
const FEWEST: usize = 8;

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The place of this hash that is the one.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(Place) -> bool) -> Option<Place> {
        let mut at = self.home(hash)?;
        loop {
            let slot = self.slots[at];
            if slot.place == NONE {
                return None;
            }
            if slot.hash == hash && is_it(slot.place) {
                return Some(slot.place);
            }
            at = self.behind(at);
        }
    }

    /// Adds a place that is not there.
    pub(super) fn insert(&mut self, hash: u32, place: Place) {
        // Three quarters full at the most: the fuller, the farther from where its hash says.
        if self.len >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        self.put(Slot { hash, place });
        self.len += 1;
    }

    /// Removes a place, if it is there.
    pub(super) fn remove(&mut self, hash: u32, place: Place) {
        let Some(mut gap) = self.home(hash) else {
            return;
        };
        while self.slots[gap].place != place {
            if self.slots[gap].place == NONE {
                return;
            }
            gap = self.behind(gap);
        }
        let mut at = gap;
        loop {
            at = self.behind(at);
            let slot = self.slots[at];
            if slot.place == NONE {
                break;
            }
            // Not in front of where its hash says.
            let way = self.distance(slot.hash as usize, at);
            if way >= self.distance(gap, at) {
                self.slots[gap] = slot;
                gap = at;
            }
        }
        self.slots[gap] = EMPTY;
        self.len -= 1;
    }

    /// Begins to fetch from the memory what is needed for this hash.
    pub(super) fn fetch(&self, hash: u32) {
        if let Some(at) = self.home(hash) {
            black_box(self.slots[at].place);
        }
    }

    fn grow(&mut self) {
        let slots = vec![EMPTY; (2 * self.slots.len()).max(FEWEST)];
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot.place != NONE {
                self.put(slot);
            }
        }
    }

    fn put(&mut self, slot: Slot) {
        let mut at = slot.hash as usize & self.mask();
        while self.slots[at].place != NONE {
            at = self.behind(at);
        }
        self.slots[at] = slot;
    }

    fn home(&self, hash: u32) -> Option<usize> {
        (!self.slots.is_empty()).then(|| hash as usize & self.mask())
    }

    fn behind(&self, at: usize) -> usize {
        (at + 1) & self.mask()
    }

    /// How far it is from one to the other, around the end.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Hashes that are alike, so that they stand in each other's way, also around the end.
        #[test]
        fn it_is_a_map(
            steps in prop::collection::vec((any::<bool>(), 0..40_u32, 0..6_u32, any::<bool>()), 0..300)
        ) {
            let mut index = Index::default();
            let mut model = HashMap::new();
            for (add, place, low, high) in steps {
                let hash = if high { low.wrapping_sub(4) } else { low };
                if add {
                    if let std::collections::hash_map::Entry::Vacant(vacant) = model.entry(place) {
                        vacant.insert(hash);
                        index.insert(hash, place);
                    }
                } else if let Some(hash) = model.remove(&place) {
                    index.remove(hash, place);
                    index.remove(hash, place);
                }
                prop_assert_eq!(index.len(), model.len());
                for place in 0..40 {
                    for hash in (0..6).chain(u32::MAX - 3..=u32::MAX) {
                        let found = index.find(hash, |found| found == place);
                        let wanted = (model.get(&place) == Some(&hash)).then_some(place);
                        prop_assert_eq!(found, wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn it_finds_many_and_is_never_full() {
        let mut index = Index::default();
        for n in 0..100_000_u32 {
            index.insert(n.wrapping_mul(0x9e37_79b9), n);
            assert!(index.len() < index.slots.len());
        }
        for n in 0..100_000_u32 {
            assert_eq!(
                index.find(n.wrapping_mul(0x9e37_79b9), |found| found == n),
                Some(n)
            );
        }
        assert_eq!(index.find(1, |_| false), None);
    }
}
