//! Members and patches, and how they compare.

use std::{cmp::Ordering, ops::Range};

/// A member of an object, or a patch: an object that is not printed as it stands in the plain text.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// A member's key.
    pub(super) key: MemberKey,
    /// Where it is in the plain text: a member from its key's quote to its value's end, a patch from brace to brace.
    pub(super) start: u32,
    pub(super) end: u32,
    /// The patches of a member's value, or the members of a patch: where they begin in `Sorter::closed`, how many.
    pub(super) children: u32,
    pub(super) count: u32,
}

/// A member's decoded key.
#[derive(Clone, Copy)]
pub(super) struct MemberKey {
    /// Its place among the others. Keys with equal ranks are told apart by their bytes.
    pub(super) rank: u64,
    /// Where it begins, and its length with `ELSEWHERE` set if it is not in the source.
    start: u32,
    length: u32,
}

/// In `MemberKey::length`: the key is in `Sorter::keys`. Free, because bodies are shorter than 2^31 bytes.
pub(super) const ELSEWHERE: u32 = 1 << 31;

/// The ranks of array indices are below this, those of all other keys are not.
pub(super) const FIRST_NAME: u64 = 1 << 32;

/// The largest key that is an array index in JavaScript: one below the largest length of an array.
const LAST_INDEX: u64 = 0xFFFF_FFFE;

/// Assigning to this key of a JavaScript object sets its prototype and adds no member.
pub(super) const PROTOTYPE: &[u8] = b"__proto__";
pub(super) const PROTOTYPE_RANK: u64 = prefix(PROTOTYPE);

impl Member {
    pub(super) fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn children(&self) -> Range<usize> {
        let first = self.children as usize;
        first..first + self.count as usize
    }
}

impl MemberKey {
    pub(super) const NONE: Self = Self {
        rank: 0,
        start: 0,
        length: 0,
    };

    /// The key that is `length` bytes of `text`, from `start` on; `place` is 0 or `ELSEWHERE`.
    #[inline]
    pub(super) fn new(text: &[u8], start: usize, length: usize, place: u32) -> Self {
        Self {
            rank: rank(text, start, length),
            start: start as u32,
            length: length as u32 | place,
        }
    }

    pub(super) fn bytes<'a>(&self, source: &'a [u8], keys: &'a [u8]) -> &'a [u8] {
        let text = if self.length & ELSEWHERE == 0 {
            source
        } else {
            keys
        };
        let start = self.start as usize;
        &text[start..start + (self.length & !ELSEWHERE) as usize]
    }

    /// The order in which JavaScript enumerates sorted keys.
    #[inline]
    pub(super) fn compare(&self, other: &Self, source: &[u8], keys: &[u8]) -> Ordering {
        self.rank
            .cmp(&other.rank)
            .then_with(|| self.bytes(source, keys).cmp(other.bytes(source, keys)))
    }

    /// Ranks a key that is not an array index by the position `first`.
    pub(super) fn place(&mut self, first: u32) {
        if self.rank >= FIRST_NAME {
            self.rank = FIRST_NAME + u64::from(first);
        }
    }
}

/// A decoded key's place among others, as far as eight bytes can tell. The key is `length` bytes of `text`, from `start` on.
#[inline]
fn rank(text: &[u8], start: usize, length: usize) -> u64 {
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
    if (rank >> 56) as u8 <= b'9'
        && let Some(index) = index(&text[start..start + length])
    {
        return index;
    }
    // Keys that begin with four zero bytes are told apart by their whole text.
    rank.max(FIRST_NAME)
}

/// The first eight bytes of a key, as a number that compares as they do.
const fn prefix(key: &[u8]) -> u64 {
    let mut prefix = 0;
    let mut at = 0;
    while at < 8 {
        prefix = prefix << 8 | if at < key.len() { key[at] as u64 } else { 0 };
        at += 1;
    }
    prefix
}

/// The array index that a key is.
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
    fn ranks_follow_the_keys() {
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
