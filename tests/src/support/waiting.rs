//! Waits that end with what is waited for, however busy the machine.

use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes that works. Only a fault reaches it.
pub const GENEROUS: Duration = Duration::from_secs(300);

/// Waits until the condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < GENEROUS, "waited in vain until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a future that ends.
pub async fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = timeout(GENEROUS, future).await;
    ended.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
