//! The key of a record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The key of a record in a store: 16 bytes, the first half of a SHA-256.
///
/// The hash is over the parts that identify an event. Equal events have equal keys on every machine
/// and in every release. A key holds no readable text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 16]);

impl Key {
    /// Makes a key from the bytes that a store has kept.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, for a store to keep.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Makes the key of the events of an entity, among which workers keep an order.
    pub(crate) fn of_lane(source: &str, entity_id: &str) -> Self {
        // The first kinds are those of `identity`. Durable stores keep keys, so it never changes.
        const LANE: u8 = 5;
        Self::of(LANE, &[source.as_bytes(), entity_id.as_bytes()])
    }

    /// Makes the key of these parts.
    ///
    /// The hashed text begins with `kind`, so keys of different kinds differ. Each part is preceded
    /// by its length, so `("a", "bc")` and `("ab", "c")` differ.
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
        Self(key)
    }
}

/// Returns the text to hash and its length. `None` if it is longer than 256 bytes.
///
/// The text of most events is short, and hashing it in one piece is faster.
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

/// Prints 32 hexadecimal digits.
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

/// The error of a text that is not a [`Key`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseKeyError(());

impl fmt::Display for ParseKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is 32 hexadecimal digits")
    }
}

impl std::error::Error for ParseKeyError {}

/// Reads 32 hexadecimal digits.
impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        // The check of the digits keeps out a sign, which `from_str_radix` accepts.
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseKeyError(()));
        }
        match u128::from_str_radix(text, 16) {
            Ok(number) => Ok(Self(number.to_be_bytes())),
            Err(_) => Err(ParseKeyError(())),
        }
    }
}

/// Serialises the 32 digits.
impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_printed() {
        let key = Key::of(1, &[b"a"]);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(
            serde_json::from_str::<Key>(&serde_json::to_string(&key).unwrap()).unwrap(),
            key
        );
        for text in ["", "0", &"g".repeat(32), &format!("+{}", "0".repeat(31))] {
            assert_eq!(text.parse::<Key>(), Err(ParseKeyError(())), "{text:?}");
        }
        assert_eq!(ParseKeyError(()).to_string(), "a key is 32 hexadecimal digits");
        assert_eq!(format!("{:?}", Key([0xab; 16])), "ab".repeat(16));
    }

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
