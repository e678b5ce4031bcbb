//! Records that a store has given up.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of records that a store has given up since it was made. Their events run again if
/// they come again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Losses {
    /// Records that had to make room for others before their retention was over.
    pub evicted: u64,
    /// Expired records whose last run had no end.
    pub unfinished: u64,
}

impl Losses {
    /// Makes the numbers.
    pub fn new(evicted: u64, unfinished: u64) -> Self {
        Self { evicted, unfinished }
    }
}

/// The number of expired records whose last run had no end. Clones of an `Arc` share it.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[derive(Debug, Default)]
pub(super) struct Unfinished(AtomicU64);

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Unfinished {
    pub(super) fn add(&self, records: u64) {
        self.0.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn losses(&self) -> Losses {
        Losses::new(0, self.0.load(Ordering::Relaxed))
    }
}
