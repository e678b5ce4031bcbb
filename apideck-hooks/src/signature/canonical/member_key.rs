//! The keys of members, and their order in JavaScript.
//!
//! # How it works
//!
//! JavaScript enumerates the array indices of an object first, in numeric order. The other keys of
//! a sorted object follow in the order of their UTF-16 code units. `string::decode` changes keys
//! where that is needed, so that their bytes compare in that order.
//!
//! Keys are compared at two speeds. Each key has a *rank*, a number made of its first eight bytes,
//! and most pairs of keys have different ranks. Only keys with equal ranks are compared byte by
//! byte. An array index has itself as its rank. It is below 2^32, and the ranks of all other keys
//! are at least that, so the indices come first.
//!
//! The empty key and keys that begin with zero bytes could have a smaller rank. They get 2^32
//! instead, and their bytes decide.

use std::cmp::Ordering;

/// A member's decoded key.
#[derive(Clone, Copy)]
pub(super) struct MemberKey {
    rank: u64,
    start: u32,
    /// The length in bytes, with the flag [`IN_KEYS`].
    length: u32,
}

/// A flag in `MemberKey::length`. The key is in `Sorter::keys` and not in the body.
///
/// The bit is free, because keys are shorter than 2^31 bytes.
const IN_KEYS: u32 = 1 << 31;

/// The smallest rank of a key that is not an array index.
const FIRST_NAME: u64 = 1 << 32;

/// The largest array index in JavaScript. An array has at most 2^32 - 1 elements.
const LAST_INDEX: u64 = 0xFFFF_FFFE;

/// The key that adds no member in JavaScript, because an assignment to it sets the prototype.
const PROTOTYPE: &[u8] = b"__proto__";
const PROTOTYPE_RANK: u64 = prefix(PROTOTYPE);

impl MemberKey {
    /// The placeholder in a node that is not a member.
    pub(super) const NONE: Self = Self {
        rank: 0,
        start: 0,
        length: 0,
    };

    /// Makes a key of `length` bytes of the body.
    #[inline]
    pub(super) fn in_source(source: &[u8], start: usize, length: usize) -> Self {
        Self {
            rank: rank(source, start, length),
            start: start as u32,
            length: length as u32,
        }
    }

    /// Makes a key of the bytes of `keys` from `start` on.
    #[inline]
    pub(super) fn in_keys(keys: &[u8], start: usize) -> Self {
        let length = keys.len() - start;
        Self {
            rank: rank(keys, start, length),
            start: start as u32,
            length: length as u32 | IN_KEYS,
        }
    }

    pub(super) fn is_index(&self) -> bool {
        self.rank < FIRST_NAME
    }

    #[inline]
    pub(super) fn is_prototype(&self, source: &[u8], keys: &[u8]) -> bool {
        self.rank == PROTOTYPE_RANK && self.bytes(source, keys) == PROTOTYPE
    }

    /// Compares two keys in the order in which JavaScript enumerates a sorted object.
    #[inline]
    pub(super) fn compare(&self, other: &Self, source: &[u8], keys: &[u8]) -> Ordering {
        self.rank
            .cmp(&other.rank)
            .then_with(|| self.bytes(source, keys).cmp(other.bytes(source, keys)))
    }

    /// Compares two keys by their ranks alone.
    pub(super) fn compare_ranks(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }

    /// Changes the rank to a position in the compact text, unless the key is an array index.
    pub(super) fn rank_by_position(&mut self, position: u32) {
        if !self.is_index() {
            self.rank = FIRST_NAME + u64::from(position);
        }
    }

    fn bytes<'a>(&self, source: &'a [u8], keys: &'a [u8]) -> &'a [u8] {
        let text = if self.length & IN_KEYS == 0 { source } else { keys };
        let start = self.start as usize;
        &text[start..start + (self.length & !IN_KEYS) as usize]
    }
}

/// Returns the rank of the key that is `length` bytes of `text` from `start` on.
#[inline]
fn rank(text: &[u8], start: usize, length: usize) -> u64 {
    // A load of eight bytes and a mask are faster than a loop over a short key. The bytes after the
    // key are there, unless it is near the end of `text`.
    let rank = match text.get(start..).and_then(|rest| rest.first_chunk()) {
        Some(chunk) => {
            let rank = u64::from_be_bytes(*chunk);
            if length < 8 {
                rank & !(u64::MAX >> (8 * length))
            } else {
                rank
            }
        }
        None => prefix(&text[start..start + length]),
    };
    // Few keys begin with a digit or a smaller byte, so few are parsed.
    if (rank >> 56) as u8 <= b'9'
        && let Some(index) = index(&text[start..start + length])
    {
        return index;
    }
    rank.max(FIRST_NAME)
}

/// Returns the first eight bytes of a key as a big-endian number, which compares as the bytes do. A
/// shorter key is padded with zeros.
const fn prefix(key: &[u8]) -> u64 {
    let mut prefix = 0;
    let mut at = 0;
    while at < 8 {
        prefix = prefix << 8 | if at < key.len() { key[at] as u64 } else { 0 };
        at += 1;
    }
    prefix
}

/// Returns the array index that a key is. JavaScript takes no leading zeros, signs or other forms.
const fn index(key: &[u8]) -> Option<u64> {
    if key.is_empty() || key.len() > 10 || key[0] == b'0' && key.len() > 1 {
        return None;
    }
    let mut index = 0;
    let mut at = 0;
    while at < key.len() {
        if !key[at].is_ascii_digit() {
            return None;
        }
        index = index * 10 + (key[at] - b'0') as u64;
        at += 1;
    }
    if index <= LAST_INDEX { Some(index) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{PROTOTYPE, PROTOTYPE_RANK, index, rank};

    #[test]
    fn ranks_are_in_the_order_of_the_keys() {
        assert_eq!(index(b"4294967294"), Some(4_294_967_294));
        assert_eq!(index(b"4294967295"), None);
        assert_eq!(index(b"9999999999"), None);
        assert_eq!(index(b"00"), None);
        let keys: [&[u8]; 10] = [
            b"0",
            b"12",
            b"",
            b"\0\0\0\0\0\0\0\0\0",
            b"\0\0\0\x01",
            b"/",
            b"00",
            b"1a",
            PROTOTYPE,
            b"a",
        ];
        assert!(keys.map(|key| rank(key, 0, key.len())).is_sorted());
        for key in keys {
            let text = [b"xyz", key, b"0123456789"].concat();
            assert_eq!(rank(&text, 3, key.len()), rank(key, 0, key.len()));
        }
        assert_eq!(rank(PROTOTYPE, 0, PROTOTYPE.len()), PROTOTYPE_RANK);
    }
}
