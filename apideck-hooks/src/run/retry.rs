//! The policy by which workers run a failed event again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::limits::LONGEST;
use crate::store::Rests;

/// The policy by which workers run a failed event again.
///
/// After attempt *n* the event waits for a random time up to `first` × 2ⁿ⁻¹, at most a day ("full
/// jitter"), so events that failed together do not come back together. A handler that says when,
/// by [`Failure::retry_after`](crate::Failure::retry_after), is run again then, but after
/// [`max_retry_after`](crate::HooksBuilder::max_retry_after) at the latest. After the last attempt,
/// or when the time since the first run is over, the event is dead-lettered.
///
/// The default is 12 attempts within 24 hours, the first pause up to a minute.
///
/// ```
/// use std::time::Duration;
/// use apideck_hooks::Retry;
///
/// let retry = Retry::exponential(Duration::from_secs(10)).attempts(8);
/// let retry = retry.within(Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a policy does nothing before it is given to `Workers`"]
pub struct Retry {
    first: Duration,
    attempts: u32,
    within: Duration,
}

/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Retry {
    /// Makes a policy whose pauses double, with this limit of the first one.
    pub fn exponential(first: Duration) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Sets the number of attempts, after which the event is dead-lettered. Default: 12. 0 counts
    /// as 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the time from an event's first run, without pauses, after which a failure dead-letters
    /// it. Default: 24 hours.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Returns the number of attempts.
    pub(crate) fn max_attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the time within which the event runs again.
    pub(crate) fn limit(&self) -> Duration {
        self.within.min(LONGEST)
    }

    /// Returns the longest delay after an attempt, from 1.
    fn ceiling(&self, attempt: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(LONGEST_DELAY)
    }

    /// Returns the delay after an attempt, for a random number.
    pub(crate) fn delay(&self, attempt: u32, jitter: u64) -> Duration {
        // The 53 bits that a double holds.
        self.ceiling(attempt)
            .mul_f64((jitter >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Returns the rests of a run without an end, for a random number.
    pub(crate) fn rests(&self, jitter: u64) -> Rests {
        let mut attempt = 0;
        Rests::new([(); Rests::LENGTH].map(|()| {
            attempt += 1;
            self.delay(attempt, jitter)
        }))
    }

    /// Returns a random number. It spreads load and is not secret.
    pub(crate) fn random() -> u64 {
        RandomState::new().hash_one(0_u8)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(60),
            attempts: 12,
            within: Duration::from_secs(24 * 60 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_day() {
        let retry = Retry::exponential(Duration::from_secs(10));
        for (attempt, seconds) in [
            (0, 10),
            (1, 10),
            (2, 20),
            (5, 160),
            (12, 20_480),
            (15, 86_400),
            (99, 86_400),
        ] {
            assert_eq!(retry.ceiling(attempt), Duration::from_secs(seconds), "{attempt}");
        }
        assert_eq!(Retry::exponential(Duration::MAX).ceiling(40), LONGEST_DELAY);
        assert_eq!(
            Retry::exponential(Duration::ZERO).delay(3, u64::MAX),
            Duration::ZERO
        );
    }

    #[test]
    fn a_delay_is_spread_over_the_whole_pause() {
        let retry = Retry::exponential(Duration::from_secs(100));
        assert_eq!(retry.delay(1, 0), Duration::ZERO);
        assert!(retry.delay(1, u64::MAX) <= Duration::from_secs(100));
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            let delay = retry.delay(1, Retry::random());
            tenths[(delay.as_secs() / 10).min(9) as usize] += 1;
        }
        assert!(
            tenths.iter().all(|count| (800..1200).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn the_rest_of_each_attempt_is_its_delay() {
        let retry = Retry::exponential(Duration::from_secs(10));
        let jitter = u64::MAX / 2;
        let delays: Vec<_> = (1..=Rests::LENGTH as u32)
            .map(|attempt| retry.delay(attempt, jitter))
            .collect();
        assert_eq!(
            retry.rests(jitter),
            Rests::new(delays.try_into().expect("as many"))
        );
    }

    #[test]
    fn an_event_has_at_least_one_attempt() {
        assert_eq!(Retry::default().attempts(0).max_attempts(), 1);
        assert_eq!(Retry::default().attempts(7).max_attempts(), 7);
    }

    #[test]
    fn the_time_of_an_event_is_bounded() {
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        let retry = Retry::exponential(Duration::from_secs(10)).within(week);
        assert_eq!((retry.limit(), retry.first), (week, Duration::from_secs(10)));
        assert_eq!(retry.within(Duration::MAX).limit(), LONGEST);
    }
}
