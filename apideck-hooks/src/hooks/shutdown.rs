//! Stopping without losing what runs.

use super::receiver::Hooks;
use crate::run::Phase;
use std::time::Duration;
use tokio::time::timeout;

/// How a shutdown went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Deliveries that were still at work when the grace period was over: their handlers were stopped, or they waited for the
    /// outcome of such a one.
    pub stopped: usize,
}

impl Hooks {
    /// Stops taking deliveries (they are answered `503` with `Retry-After`), waits up to `grace` for those at work,
    /// then stops their handlers and releases their claims, so that another process can take them at once.
    ///
    /// Ready when all is settled. Keep serving connections meanwhile, so that the answers get out; give `grace` less
    /// time than your supervisor waits before it kills the process.
    ///
    /// ```no_run
    /// # async fn stop(hooks: apideck_hooks::Hooks) {
    /// let drained = hooks.shutdown(std::time::Duration::from_secs(20)).await;
    /// println!("{} deliveries were cut short", drained.stopped);
    /// # }
    /// ```
    pub async fn shutdown(&self, grace: Duration) -> Drained {
        let receiver = &self.receiver;
        let all = receiver.limits.max_in_flight;
        receiver.phase.send_if_modified(|phase| {
            let open = *phase == Phase::Open;
            if open {
                *phase = Phase::Draining;
            }
            open
        });
        // All permits together mean that nothing is at work.
        if timeout(grace, receiver.permits.acquire_many(all)).await.is_ok() {
            return Drained { stopped: 0 };
        }
        let stopped = (all as usize).saturating_sub(receiver.permits.available_permits());
        receiver.phase.send_replace(Phase::Releasing);
        // A release takes a call to the store, and the store may be down: its lease lets go then.
        let _ = timeout(receiver.limits.store_timeout, receiver.permits.acquire_many(all)).await;
        Drained { stopped }
    }
}
