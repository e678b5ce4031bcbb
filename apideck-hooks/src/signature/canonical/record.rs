//! Members and patches, and how they compare.

use std::{cmp::Ordering, ops::Range};

/// A member of an object, or a patch: an object that is not printed as it stands in the plain text.
#[derive(Clone, Copy)]
pub(super) struct Record {
    /// A member's place among the others. Members with equal ranks are told apart by their whole keys.
    pub(super) rank: u64,
    /// A member's decoded key: where it begins and its length, with `ELSEWHERE` set if it is not in the source.
    pub(super) key: u32,
    pub(super) key_length: u32,
    /// Where it is in the plain text: a member from its key's quote to its value's end, a patch from brace to brace.
    pub(super) start: u32,
    pub(super) end: u32,
    /// The patches of a member's value, or the members of a patch: where they begin in `Sorter::closed`, how many.
    pub(super) children: u32,
    pub(super) count: u32,
}

/// In `Record::key_length`: the key is in `Sorter::keys`. Free, because bodies are shorter than 2^31 bytes.
pub(super) const ELSEWHERE: u32 = 1 << 31;

/// The ranks of array indices are below this, those of all other keys are not.
pub(super) const FIRST_NAME: u64 = 1 << 32;

/// The largest key that is an array index in JavaScript: one below the largest length of an array.
const LAST_INDEX: u64 = 0xFFFF_FFFE;

/// Assigning to this key of a JavaScript object sets its prototype and adds no member.
pub(super) const PROTOTYPE: &[u8] = b"__proto__";
pub(super) const PROTOTYPE_RANK: u64 = prefix(PROTOTYPE);

impl Record {
    pub(super) fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn children(&self) -> Range<usize> {
        let first = self.children as usize;
        first..first + self.count as usize
    }

    pub(super) fn key<'a>(&self, source: &'a [u8], keys: &'a [u8]) -> &'a [u8] {
        let text = if self.key_length & ELSEWHERE == 0 {
            source
        } else {
            keys
        };
        let start = self.key as usize;
        &text[start..start + (self.key_length & !ELSEWHERE) as usize]
    }

    /// The order in which JavaScript enumerates sorted keys.
    #[inline]
    pub(super) fn compare(&self, other: &Self, source: &[u8], keys: &[u8]) -> Ordering {
        self.rank
            .cmp(&other.rank)
            .then_with(|| self.key(source, keys).cmp(other.key(source, keys)))
    }

    /// Ranks a member that is not an array index by the position `first`.
    pub(super) fn place(&mut self, first: u32) {
        if self.rank >= FIRST_NAME {
            self.rank = FIRST_NAME + u64::from(first);
        }
    }
}

/// A decoded key's place among others, as far as eight bytes can tell. The key is `length` bytes of `text`, from `start` on.
#[inline]
pub(super) fn rank(text: &[u8], start: usize, length: usize) -> u64 {
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
