//! Apideck's times, and the clock on which a test waits for them.

use std::time::Duration;

use tokio::time::Instant;

/// Apideck's pauses between the deliveries of an event: 3, 5, 10 and 30 minutes, and 1, 2, 4, 8 and
/// 12 hours (webhook guide). So an event is delivered ten times at most.
pub const PAUSES: [Duration; 9] = {
    const fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }
    [
        minutes(3),
        minutes(5),
        minutes(10),
        minutes(30),
        minutes(60),
        minutes(2 * 60),
        minutes(4 * 60),
        minutes(8 * 60),
        minutes(12 * 60),
    ]
};

/// Time after which Apideck gives a delivery up (webhook guide).
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Tells if tokio's clock is paused in the current runtime.
///
/// tokio has no question for it. A paused clock stands still while this thread does not wait, and
/// the standard library's clock never does.
pub(super) fn is_paused() -> bool {
    let before = Instant::now();
    let real = std::time::Instant::now();
    while std::time::Instant::now() == real {
        std::hint::spin_loop();
    }
    Instant::now() == before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_running_clock_is_not_paused() {
        assert!(!is_paused());
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_is_noticed() {
        assert!(is_paused());
        tokio::time::sleep(PAUSES[8]).await;
        assert!(is_paused());
        tokio::time::resume();
        assert!(!is_paused());
    }
}
