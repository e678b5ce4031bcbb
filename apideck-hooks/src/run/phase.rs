//! The progress of a shutdown.

use std::future::pending;
use tokio::sync::watch;

/// The progress of a shutdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Deliveries are accepted.
    Open,
    /// New deliveries are refused, and those in flight go on.
    Draining,
    /// The grace period is over: deliveries in flight release their claims.
    Releasing,
}

/// Waits for the end of a shutdown's grace period. Never ready once the last `Hooks` was dropped, because nobody can ask
/// for a shutdown then.
pub(super) async fn grace_over(phase: &mut watch::Receiver<Phase>) {
    if phase.wait_for(|phase| *phase == Phase::Releasing).await.is_err() {
        pending().await
    }
}
