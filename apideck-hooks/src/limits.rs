//! The receiver's limits and their defaults.

use std::time::Duration;

/// The limits of a receiver. The setters of `HooksBuilder` document each.
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
        Self {
            body_limit: 1024 * 1024,
            body_deadline: Duration::from_secs(30),
            // Less than the 60 seconds after which Apideck gives up (webhook guide).
            response_deadline: Duration::from_secs(50),
            handler_timeout: Duration::from_secs(15 * 60),
            lease: Duration::from_secs(30),
            duplicate_wait: Duration::from_secs(5),
            store_timeout: Duration::from_secs(5),
            // Less than the ten times that Apideck delivers an event (webhook guide), because a
            // delivery that finds the receiver busy or down starts no attempt.
            max_attempts: 8,
            max_in_flight: 1024,
            fail_open: false,
        }
    }
}

/// The longest time limit: one year. Adding it to an instant does not overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Limits {
    /// Shortens each time limit to at most one year, and the store's to half the lease.
    ///
    /// `Duration::MAX` is a common way to say "no limit", and cannot be added to an instant.
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
        // A claim that is granted after its lease has ended is worth nothing.
        self.store_timeout = self.store_timeout.min(self.lease / 2);
        self
    }
}
