//! The limits of a shard.

use std::time::Duration;

/// The limits of a shard.
pub(super) struct ShardLimits {
    pub(super) retention: Duration,
    /// The number of records, and of aliases.
    pub(super) records: usize,
}
