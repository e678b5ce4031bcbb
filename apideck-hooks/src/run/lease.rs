//! Renewing a claim while its handler runs.
//!
//! # How it works
//!
//! The end of a lease is counted from the moment before the call that granted or renewed it. So
//! this process never believes in a lease for longer than the store does.
//!
//! A claim is renewed every third of its lease. A failed renewal is repeated after a twentieth of
//! the lease, so one failed call does not lose the claim.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::granted::Granted;
use super::runner::Runner;
use crate::observe::StoreOperation;
use crate::store::Held;

impl Runner {
    /// Renews the claim for as long as this future is polled. Returns when the claim is lost.
    pub(super) async fn keep_renewed(&self, claim: &Granted<'_>) {
        let length = self.limits.lease;
        // A worker's claim may be old, because many are fetched at once.
        let left = claim.lease.end().saturating_duration_since(Instant::now());
        let mut pause = first_pause(left, length);
        loop {
            sleep(pause).await;
            let asked = Instant::now();
            pause = match self
                .call(StoreOperation::Renew, self.store.renew(claim.grant, length))
                .await
            {
                Ok(Held::Yes) => {
                    claim.lease.extend(asked + length);
                    length / 3
                }
                Ok(_) => return,
                Err(error) => {
                    self.store_failed(&error, claim.about());
                    tracing::warn!(%error, "the claim could not be renewed: the call is repeated");
                    (length / 20).max(Duration::from_millis(10))
                }
            };
        }
    }
}

/// The pause before the first renewal of a claim with this time left.
fn first_pause(left: Duration, length: Duration) -> Duration {
    left.saturating_sub(length - length / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_is_granted_late_is_renewed_at_once() {
        let seconds = Duration::from_secs;
        for (left, pause) in [(30, 10), (25, 5), (20, 0), (4, 0)] {
            assert_eq!(first_pause(seconds(left), seconds(30)), seconds(pause));
        }
    }
}
