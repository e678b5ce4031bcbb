//! Renewing a claim while its handler runs.
//!
//! # How it works
//!
//! The end of a lease is counted from before the call that got it, so this process never believes in a lease for longer
//! than the store does. A claim is renewed three times within its lease. A failed renewal is repeated after a twentieth of
//! the lease, so one lost call does not lose the claim.

use super::runner::Runner;
use crate::delivery::Key;
use crate::store::{Held, Token};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time until which a claim certainly holds, by this process's clock.
pub(super) struct Lease(Mutex<Instant>);

impl Lease {
    pub(super) fn until(at: Instant) -> Self {
        Lease(Mutex::new(at))
    }

    pub(super) fn end(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(&self, at: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Runner {
    /// Renews the claim for as long as it is polled. Ready when the claim was lost.
    pub(super) async fn keep_renewed(&self, record: Key, token: Token, lease: &Lease) {
        let length = self.limits.lease;
        let mut pause = length / 3;
        loop {
            sleep(pause).await;
            let asked = Instant::now();
            pause = match self.within_timeout(self.store.renew(record, token, length)).await {
                Ok(Held::Yes) => {
                    lease.extend(asked + length);
                    length / 3
                }
                Ok(Held::Lost) => return,
                Err(error) => {
                    self.counters.store_errors.add();
                    tracing::warn!(%error, "the claim could not be renewed and the renewal is sent again");
                    (length / 20).max(Duration::from_millis(10))
                }
            };
        }
    }
}
