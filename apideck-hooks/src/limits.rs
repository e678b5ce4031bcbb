//! The receiver's limits and their defaults.

use std::time::Duration;

/// The limits of a receiver. The builder sets and documents each.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) body_limit: usize,
    pub(crate) body_deadline: Duration,
    pub(crate) response_deadline: Duration,
    pub(crate) handler_timeout: Duration,
    pub(crate) lease: Duration,
    pub(crate) duplicate_wait: Duration,
    pub(crate) store_timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) max_in_flight: u32,
    pub(crate) fail_open: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_limit: 1024 * 1024,
            body_deadline: Duration::from_secs(30),
            // Apideck gives up after 60 seconds.
            response_deadline: Duration::from_secs(50),
            handler_timeout: Duration::from_secs(15 * 60),
            lease: Duration::from_secs(30),
            duplicate_wait: Duration::from_secs(5),
            store_timeout: Duration::from_secs(5),
            // Apideck delivers ten times at most, and some of these can find the receiver busy or down.
            max_attempts: 8,
            max_in_flight: 1024,
            fail_open: false,
        }
    }
}

/// The longest time limit. It is short enough to be added to any instant.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Limits {
    /// Cuts each time to a year, because `Duration::MAX` means "no limit" and cannot be added to an instant.
    pub(crate) fn bounded(mut self) -> Self {
        for time in [
            &mut self.body_deadline,
            &mut self.response_deadline,
            &mut self.handler_timeout,
            &mut self.lease,
            &mut self.duplicate_wait,
            &mut self.store_timeout,
        ] {
            *time = (*time).min(LONGEST);
        }
        // A grant that arrives after its lease is worth nothing.
        self.store_timeout = self.store_timeout.min(self.lease / 2);
        self
    }
}
