//! The limits of the records.

use std::time::Duration;

/// The limits of the records.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordLimits {
    pub(super) retention: Duration,
    pub(super) sweep_every: Duration,
    /// Largest number of dead letters of a source.
    pub(super) letters: u64,
}
