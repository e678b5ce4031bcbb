//! Entries that are found by their key, and stand in a queue.
//!
//! An event takes two of them for as long as it is remembered, so they are kept tight: entries lie side by side in chunks, an
//! index holds their places, and a queue is a chain through the entries themselves. Chunks are not doubled as a vector would be, but
//! for the first one while it is small, so there is no moment at which half of the memory is unused, and hardly anything but the
//! index is ever copied under a lock.

pub(super) use super::index::Place;
use super::index::{Index, NONE};
use crate::delivery::Key;

/// So many entries a table takes.
pub(super) const MOST: usize = NONE as usize;
/// Entries of a chunk, and of the first one at first.
const CHUNK: usize = 256;
const FIRST: usize = 4;

/// A key is a hash already, of what no record is made of without Apideck's signature, so nobody chooses it. Both halves are
/// multiplied all the same, for whoever uses the store with keys of their own.
fn hash(key: &Key) -> u64 {
    let bytes = u128::from_le_bytes(key.to_bytes());
    let (low, high) = (bytes as u64, (bytes >> 64) as u64);
    // Odd, and without a pattern: the fractions of the golden ratio and of the square root of 2.
    let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0x6a09_e667_f3bc_c909);
    product as u64 ^ (product >> 64) as u64
}

/// A key whose hash is computed, which is asked for several times.
pub(super) struct Hashed {
    key: Key,
    hash: u64,
}

impl Hashed {
    /// Which of so many shards the key is in. Tables use the other half.
    pub(super) fn shard(&self, shards: usize) -> usize {
        // Their share of the whole range: a division takes longer than all else here.
        (((self.hash >> 32) * shards as u64) >> 32) as usize
    }
}

impl From<Key> for Hashed {
    fn from(key: Key) -> Self {
        Hashed {
            key,
            hash: hash(&key),
        }
    }
}

pub(super) struct Table<T> {
    index: Index,
    // Full from the start, with copies of their first entry: to count them one by one would write to one more place in the
    // memory for each, which other processors have to be told.
    chunks: Vec<Box<[Entry<T>]>>,
    /// The chain of the places that are free again.
    vacant: Place,
}

#[derive(Clone, Copy)]
struct Entry<T> {
    key: Key,
    value: T,
    before: Place,
    after: Place,
}

/// Entries in the order in which they were put there. An entry is in one queue or none.
pub(super) struct Queue {
    first: Place,
    last: Place,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            first: NONE,
            last: NONE,
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            index: Index::default(),
            chunks: Vec::new(),
            vacant: NONE,
        }
    }
}

impl<T: Copy> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, key: &Hashed) -> Option<Place> {
        self.index
            .find(key.hash as u32, |place| self.entry(place).key == key.key)
    }

    /// Begins to fetch from the memory what is needed to add a key.
    pub(super) fn fetch(&self, key: &Hashed) {
        self.index.fetch(key.hash as u32);
    }

    pub(super) fn get(&self, place: Place) -> &T {
        &self.entry(place).value
    }

    pub(super) fn get_mut(&mut self, place: Place) -> &mut T {
        &mut self.entry_mut(place).value
    }

    /// Adds an entry whose key there is none of, in no queue. The table must not hold [`MOST`].
    pub(super) fn insert(&mut self, key: &Hashed, value: T) -> Place {
        let entry = Entry {
            key: key.key,
            value,
            before: NONE,
            after: NONE,
        };
        let place = if self.vacant == NONE {
            self.append(entry)
        } else {
            let place = self.vacant;
            self.vacant = self.entry(place).after;
            *self.entry_mut(place) = entry;
            place
        };
        self.index.insert(key.hash as u32, place);
        place
    }

    fn append(&mut self, entry: Entry<T>) -> Place {
        // No place was ever given up, so all before this one are taken.
        let place = self.index.len();
        let at = place % CHUNK;
        match self.chunks.get_mut(place / CHUNK) {
            Some(chunk) if at < chunk.len() => chunk[at] = entry,
            // The first one grows, as there may be many shards and few events.
            Some(chunk) => {
                let mut larger = vec![entry; 2 * at];
                larger[..at].copy_from_slice(chunk);
                *chunk = larger.into();
            }
            None => {
                let room = if place == 0 { FIRST } else { CHUNK };
                self.chunks.push(vec![entry; room].into());
            }
        }
        place as Place
    }

    /// Removes an entry that is in no queue.
    pub(super) fn remove(&mut self, place: Place) -> T {
        self.index.remove(hash(&self.entry(place).key) as u32, place);
        let vacant = self.vacant;
        let entry = self.entry_mut(place);
        entry.after = vacant;
        let value = entry.value;
        self.vacant = place;
        value
    }

    /// Removes the first of a queue, so many at the most and for as long as `goes` says so, which is asked once of each that
    /// goes. How many went.
    // All are looked at before any is removed: what is asked of the memory at once comes together.
    pub(super) fn remove_first(
        &mut self,
        queue: &mut Queue,
        most: usize,
        mut goes: impl FnMut(&T) -> bool,
    ) -> usize {
        let mut count = 0;
        let mut place = queue.first;
        while count < most && place != NONE && goes(self.get(place)) {
            let entry = self.entry(place);
            self.index.fetch(hash(&entry.key) as u32);
            place = entry.after;
            count += 1;
        }
        for _ in 0..count {
            let first = queue.first;
            self.unlink(queue, first);
            self.remove(first);
        }
        count
    }

    /// Puts an entry that is in no queue at the end of one.
    pub(super) fn push(&mut self, queue: &mut Queue, place: Place) {
        let last = std::mem::replace(&mut queue.last, place);
        if last == NONE {
            queue.first = place;
        } else {
            self.entry_mut(last).after = place;
        }
        let entry = self.entry_mut(place);
        entry.before = last;
        entry.after = NONE;
    }

    /// Takes an entry out of the queue that it is in.
    pub(super) fn unlink(&mut self, queue: &mut Queue, place: Place) {
        let entry = self.entry_mut(place);
        let before = std::mem::replace(&mut entry.before, NONE);
        let after = std::mem::replace(&mut entry.after, NONE);
        if before == NONE {
            queue.first = after;
        } else {
            self.entry_mut(before).after = after;
        }
        if after == NONE {
            queue.last = before;
        } else {
            self.entry_mut(after).before = before;
        }
    }

    fn entry(&self, place: Place) -> &Entry<T> {
        entry_of(&self.chunks, place)
    }

    fn entry_mut(&mut self, place: Place) -> &mut Entry<T> {
        let place = place as usize;
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }
}

fn entry_of<T>(chunks: &[Box<[Entry<T>]>], place: Place) -> &Entry<T> {
    let place = place as usize;
    &chunks[place / CHUNK][place % CHUNK]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Hashed {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        Key::from_bytes(bytes).into()
    }

    fn queued(table: &Table<u64>, queue: &Queue) -> Vec<u64> {
        let mut found = Vec::new();
        let mut place = queue.first;
        let mut last = NONE;
        while place != NONE {
            found.push(*table.get(place));
            assert_eq!(table.entry(place).before, last);
            last = place;
            place = table.entry(place).after;
        }
        assert_eq!(queue.last, last);
        found
    }

    #[test]
    fn keys_that_are_no_hashes_are_spread_too() {
        let first = |n: u64| Key::from_bytes(u128::from(n).to_le_bytes());
        let last = |n: u64| Key::from_bytes(u128::from(n).to_be_bytes());
        for key in [&first as &dyn Fn(u64) -> Key, &last] {
            let mut counts = [0; 64];
            (0..64_000).for_each(|n| counts[Hashed::from(key(n)).shard(64)] += 1);
            assert!(
                counts.iter().all(|count| (800..1200).contains(count)),
                "{counts:?}"
            );
        }
    }

    /// Beside a plain queue, through several chunks, with places that are used again.
    #[test]
    fn a_table_is_a_queue_with_names() {
        let mut table = Table::default();
        let mut queue = Queue::default();
        let mut model: Vec<u64> = Vec::new();
        let mut random = 1_u64;
        for n in 0..5_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n);
            let pick = (random >> 33) as usize;
            match pick % 8 {
                0 | 1 if !model.is_empty() => {
                    let gone = model.remove(pick / 8 % model.len());
                    let place = table.find(&key(gone)).unwrap();
                    table.unlink(&mut queue, place);
                    assert_eq!(table.remove(place), gone);
                    assert_eq!(table.find(&key(gone)), None);
                }
                2 if !model.is_empty() => {
                    let moved = model.remove(pick / 8 % model.len());
                    let place = table.find(&key(moved)).unwrap();
                    table.unlink(&mut queue, place);
                    table.push(&mut queue, place);
                    model.push(moved);
                }
                3 if (pick / 8).is_multiple_of(4) => {
                    let stays = |n: &u64| n % 8 == 5;
                    let gone = table.remove_first(&mut queue, 5, |n| !stays(n));
                    let wanted = model.iter().take(5).take_while(|n| !stays(n)).count();
                    assert_eq!(gone, wanted);
                    for gone in model.drain(..gone) {
                        assert_eq!(table.find(&key(gone)), None);
                    }
                }
                _ => {
                    let place = table.insert(&key(n), n);
                    table.push(&mut queue, place);
                    model.push(n);
                }
            }
            assert_eq!(table.len(), model.len());
        }
        assert!(table.chunks.len() > 3, "{}", table.chunks.len());
        assert_eq!(queued(&table, &queue), model);
    }

    #[test]
    fn places_are_used_again() {
        let mut table = Table::default();
        for n in 0..10_000 {
            let place = table.insert(&key(n), n);
            assert!(place < 1, "{place}");
            table.remove(place);
        }
    }
}
