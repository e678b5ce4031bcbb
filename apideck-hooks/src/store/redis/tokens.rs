//! Tokens for records that a command makes, which cannot ask for the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Hands out tokens by the server's clock, as it was when the store connected and has gone on since by our monotonic one. A record is made
/// under it, and the token of one that is there comes from the server: so it need not be exact, only never the same twice,
/// even for a record that was forgotten or lost in a failover meanwhile.
pub(super) struct Tokens {
    /// Microseconds since 1970.
    then: u64,
    since: Instant,
    last: AtomicU64,
}

/// The largest number that the scripts can tell from the next.
const LARGEST: u64 = 1 << 53;

impl Tokens {
    pub(super) fn new(server: Duration) -> Self {
        Tokens {
            then: micros(server),
            since: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> u64 {
        let now = self.then.saturating_add(micros(self.since.elapsed()));
        // Half, so that whatever follows it is a number, too.
        let now = now.min(LARGEST / 2);
        let after = |last: u64| Some(now.max(last + 1));
        let (Ok(last) | Err(last)) = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        now.max(last + 1)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_given_twice_and_they_go_by_the_clock() {
        let start = Duration::from_micros(1_700_000_000_000_000);
        let tokens = Tokens::new(start);
        let first = tokens.next();
        assert!(first >= micros(start));
        let mut last = first;
        for _ in 0..10_000 {
            let next = tokens.next();
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn a_clock_that_is_far_ahead_gives_tokens_that_scripts_can_count_on_from() {
        let tokens = Tokens::new(Duration::MAX);
        let first = tokens.next();
        assert!(tokens.next() == first + 1 && first < LARGEST);
    }
}
