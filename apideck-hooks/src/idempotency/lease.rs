//! Keeping a claim while its handler runs.

use super::run::Runner;
use super::store::{Held, Token};
use crate::delivery::Key;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Until when a claim holds for sure, by this process's clock: counted from before the call that got it.
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
    /// Renews the claim three times a lease; ready when it was lost.
    pub(super) async fn keep(&self, record: Key, token: Token, lease: &Lease) {
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
                    self.stats.store_errors.add();
                    tracing::warn!(%error, "the claim could not be renewed; trying again");
                    (length / 20).max(Duration::from_millis(10))
                }
            };
        }
    }
}
