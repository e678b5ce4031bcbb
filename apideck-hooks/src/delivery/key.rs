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
        let mut hash = Sha256::new();
        hash.update([kind]);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Key(key)
    }
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
