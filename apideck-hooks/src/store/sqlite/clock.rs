//! The store's clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 when the store was opened, and monotonic from then on: setting the machine's clock moves no
/// lease and forgets no record while the store is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    opened: i64,
    start: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Clock {
            opened: millis(since_1970.unwrap_or_default()),
            start: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.opened.saturating_add(millis(self.start.elapsed()))
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
