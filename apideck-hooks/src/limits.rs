//! The receiver's limits and their defaults.

use std::time::Duration;

/// The limits of a receiver. The setters of `HooksBuilder` document each.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) body_limit: usize,
    pub(crate) body_budget: usize,
    pub(crate) body_deadline: Duration,
    pub(crate) response_deadline: Duration,
    pub(crate) handler_timeout: Duration,
    pub(crate) lease: Duration,
    pub(crate) duplicate_wait: Duration,
    pub(crate) store_timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) max_in_flight: u32,
    pub(crate) fail_open: bool,
    pub(crate) rest: Rest,
    pub(crate) max_retry_after: Duration,
}

/// The rest of an event after a run that failed or did not end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Rest {
    /// Four fifths of the pause before Apideck's next delivery of the event, counted from the begin
    /// of the run: 1.6 minutes after the first two attempts, then 4, 16 and 24 minutes, 48 minutes,
    /// 1 hour 36 minutes and 3 hours 12 minutes.
    ///
    /// So replays of a captured body run a failing handler hardly more often than Apideck does, and
    /// cannot use up its attempts at once. Apideck's own retries come later than the rest, unless
    /// such a replay has run the handler before them.
    #[default]
    Apideck,
    /// No rest. **For tests**: a captured body can then use up all attempts in milliseconds.
    None,
}

impl Rest {
    /// Returns the rests after the first attempt, the second and so on.
    pub(crate) fn all(self) -> [Duration; 8] {
        match self {
            // Apideck's documents give the times of its retries as 3, 5, 10 and 30 minutes and 1,
            // 2, 4, 8 and 12 hours. As offsets from the first delivery these are the pauses here,
            // and as pauses they are longer.
            Self::Apideck => {
                [2, 2, 5, 20, 30, 60, 120, 240].map(|minutes: u64| Duration::from_secs(minutes * 60) * 4 / 5)
            }
            Self::None => [Duration::ZERO; 8],
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
            body_budget: 64 * 1024 * 1024,
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
            rest: Rest::default(),
            max_retry_after: Duration::from_secs(60 * 60),
        }
    }
}

/// The longest time limit: one year. Adding it to an instant does not overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

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
            &mut self.max_retry_after,
        ] {
            *time = (*time).min(LONGEST);
        }
        // A claim that is granted after its lease has ended is worth nothing.
        self.store_timeout = self.store_timeout.min(self.lease / 2);
        self
    }
}
