//! Clearing up after retention.

use super::records::Records;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Keeps the list of dead letters as short as there are letters, until it is dropped. Records and aliases need none: Redis
/// expires them.
pub(super) struct Sweeper(JoinHandle<()>);

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

impl Sweeper {
    pub(super) fn start(records: Arc<Records>) -> Self {
        let pause = Duration::from_millis(records.retention() / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        Sweeper(tokio::spawn(async move {
            let mut ticks = interval(pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = records.sweep().await {
                    tracing::debug!(%error, "the list of dead letters was not swept");
                }
            }
        }))
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
