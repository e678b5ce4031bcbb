//! The limits of a shard.

use std::time::Duration;

/// What one shard keeps.
pub(super) struct Limits {
    /// Milliseconds.
    pub(super) retention: u64,
    pub(super) records: usize,
    /// So many are forgotten at once where there is no room, and added between two looks for what is over: what is forgotten
    /// is all over the memory, and to wait for it once is cheaper.
    pub(super) together: usize,
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
