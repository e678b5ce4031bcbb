//! The limits of the store.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) retention: Duration,
    pub(super) sweep_every: Duration,
    /// Bytes.
    pub(super) longest_body: usize,
}

/// At most a hundred years: it is added to a time of the server.
pub(super) fn micros(duration: Duration) -> i64 {
    const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    i64::try_from(duration.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}
