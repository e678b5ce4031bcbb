//! Ids of events, in the form of the UUIDs that Apideck sends.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// A source of ids. Two sources with one seed give the same ids.
#[derive(Debug)]
pub(in crate::testing) struct Ids {
    seed: u64,
    given: AtomicU64,
}

impl Ids {
    pub(in crate::testing) fn seeded(seed: u64) -> Self {
        Self {
            seed,
            given: AtomicU64::new(0),
        }
    }

    /// Makes a source of ids that differ from those of every other run.
    ///
    /// The hash keys that the standard library takes from the operating system are random enough.
    pub(in crate::testing) fn random() -> Self {
        Self::seeded(RandomState::new().hash_one(0_u8))
    }

    pub(in crate::testing) fn next(&self) -> String {
        // Relaxed, because the count protects no other memory.
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        uuid(&[&self.seed.to_le_bytes(), &number.to_le_bytes()])
    }
}

/// Returns another id, which follows from this one.
pub(super) fn after(id: &str) -> String {
    uuid(&[b"after", id.as_bytes()])
}

fn uuid(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // The version and the variant of a random UUID (RFC 9562, section 5.4).
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let [a, b, c, d, e] = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_and_no_seed_gives_others() {
        let ids = |ids: Ids| [ids.next(), ids.next()];
        assert_eq!(ids(Ids::seeded(7)), ids(Ids::seeded(7)));
        let [first, second] = ids(Ids::seeded(7));
        assert_ne!(first, second);
        assert_ne!(ids(Ids::random()), ids(Ids::random()));
        let parts: Vec<_> = first.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(first.as_bytes()[14], b'4');
    }
}
