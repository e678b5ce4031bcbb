//! The name under which a store remembers an event.

use sha2::{Digest, Sha256};
use std::fmt;

/// A store's key: 16 bytes, the first half of a SHA-256 over what identifies an event.
///
/// Of fixed size, and equal for equal events on every machine and in every release. It holds nothing readable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 16]);

impl Key {
    /// The key with these bytes, as a store kept them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Key(bytes)
    }

    /// The bytes, for a store to keep.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The key of these parts. `kind` keeps keys of different makes apart, the lengths keep `("a", "bc")` and
    /// `("ab", "c")` apart.
    pub(crate) fn of(kind: u8, parts: &[&[u8]]) -> Self {
        let hash = match joined(kind, parts) {
            Some((text, length)) => Sha256::digest(&text[..length]),
            None => {
                let mut hash = Sha256::new_with_prefix([kind]);
                for part in parts {
                    hash.update((part.len() as u64).to_le_bytes());
                    hash.update(part);
                }
                hash.finalize()
            }
        };
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        Key(key)
    }
}

/// What is hashed and its length, where it is short, as it is for most events: in one piece that is faster.
fn joined(kind: u8, parts: &[&[u8]]) -> Option<([u8; 256], usize)> {
    let mut text = [0; 256];
    text[0] = kind;
    let mut length = 1;
    for part in parts {
        for piece in [&(part.len() as u64).to_le_bytes()[..], part] {
            text.get_mut(length..length + piece.len())?.copy_from_slice(piece);
            length += piece.len();
        }
    }
    Some((text, length))
}

/// 32 hexadecimal digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_parts_are_hashed_alike() {
        for length in 0..600 {
            let long = "x".repeat(length);
            let parts: [&[u8]; 3] = [b"", long.as_bytes(), b"end"];
            let mut text = vec![7];
            for part in parts {
                text.extend_from_slice(&(part.len() as u64).to_le_bytes());
                text.extend_from_slice(part);
            }
            assert_eq!(Key::of(7, &parts).to_bytes(), Sha256::digest(&text)[..16]);
        }
    }
}
