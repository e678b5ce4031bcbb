//! The receiver's shutdown.
//!
//! # How it works
//!
//! A shutdown changes the phase first, so no later delivery is admitted. Then it collects all
//! permits. Each delivery in flight holds one, so all permits together mean that no delivery is in
//! flight.
//!
//! If the grace period ends first, the phase changes again. Each run sees that, stops its handler
//! and ends its claim. That is a call to the store, and the store may be down. So the wait for
//! these calls is bounded, and a claim that was not ended ends with its lease.

use std::time::Duration;

use tokio::time::timeout;

use super::receiver::Hooks;
use crate::run::Phase;

/// The result of a shutdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Number of deliveries that were in flight at the end of the grace period, and of accepted
    /// events that ran. Their handlers were stopped, or they waited for a handler that was stopped.
    pub stopped: usize,
}

impl Hooks {
    /// Shuts the receiver down, and waits for the deliveries in flight. Its
    /// [workers](Hooks::workers) begin no more events, and their running handlers are waited for
    /// too.
    ///
    /// New deliveries are answered `503` with `Retry-After`. Deliveries in flight have up to
    /// `grace` to end. After that their handlers are stopped and their claims withdrawn, so another
    /// process can claim the events at once. That takes up to
    /// [`store_timeout`](crate::HooksBuilder::store_timeout) more. A run that was stopped is no
    /// attempt. After three such runs in a row each is one, and the event rests after it.
    ///
    /// A handler that blocks its thread cannot be stopped. Its claim ends with its lease.
    ///
    /// Serve connections until this returns, because the deliveries in flight still send their
    /// responses. Choose a `grace` shorter than the time after which your supervisor kills the
    /// process.
    ///
    /// ```no_run
    /// # async fn stop(hooks: apideck_hooks::Hooks) {
    /// let drained = hooks.shutdown(std::time::Duration::from_secs(20)).await;
    /// println!("{} deliveries were stopped", drained.stopped);
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
        let settled = || async {
            let _permits = receiver.permits.acquire_many(all).await;
            let mut working = receiver.working.subscribe();
            let _ = working.wait_for(|working| *working == 0).await.is_ok();
        };
        if timeout(grace, settled()).await.is_ok() {
            return Drained { stopped: 0 };
        }
        let working = *receiver.working.borrow();
        let stopped = (all as usize).saturating_sub(receiver.permits.available_permits()) + working;
        receiver.phase.send_replace(Phase::Releasing);
        let _ = timeout(receiver.limits.store_timeout, settled()).await;
        Drained { stopped }
    }
}
