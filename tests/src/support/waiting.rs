//! Waits that do not depend on the speed of the machine.

use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A time limit that only a fault reaches.
pub const GENEROUS: Duration = Duration::from_secs(300);

/// Waits until a condition holds.
///
/// # Panics
///
/// If it does not hold within [`GENEROUS`].
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < GENEROUS, "timed out: until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a future.
///
/// # Panics
///
/// If it does not end within [`GENEROUS`].
pub async fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = timeout(GENEROUS, future).await;
    ended.unwrap_or_else(|_| panic!("timed out: {what}"))
}
