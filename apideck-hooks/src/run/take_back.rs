//! Taking back a claim whose answer was lost.
//!
//! # How it works
//!
//! A claim that failed may have been granted all the same, for example because its answer came too
//! late. Nobody runs its handler then, so its attempt must not count. The claim is sent again with
//! the same id, and gets the same grant if it was granted. That grant is withdrawn. If the claim
//! had not reached the store, it is granted now and withdrawn at once. The claim of a replay is
//! sent as that of a delivery, which gets no new grant while the letter is kept.
//!
//! This is best effort. The claim ends with its lease in any case.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::runner::Runner;
use crate::store::{Claim, End, Grant, Store, StoreError, Verdict};

/// Pause before the first try. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

impl Runner {
    /// Starts to take back a claim that failed.
    pub(super) fn take_back(&self, mut claim: Claim) {
        let (Ok(runtime), Ok(permit)) = (
            tokio::runtime::Handle::try_current(),
            Arc::clone(&self.take_backs).try_acquire_owned(),
        ) else {
            return;
        };
        // A claim that leads to no run must not write a letter.
        claim.last = None;
        let store = Arc::clone(&self.store);
        let (lease, limit) = (self.limits.lease, self.limits.store_timeout);
        runtime.spawn(async move {
            let mut pause = FIRST_PAUSE;
            // The lease ends the claim when the pauses have grown to its length.
            while pause < lease {
                sleep(pause).await;
                pause *= 2;
                let withdrawn = timeout(limit, withdraw(&*store, &claim)).await;
                if matches!(withdrawn, Ok(Ok(()))) {
                    break;
                }
            }
            drop(permit);
        });
    }
}

async fn withdraw(store: &dyn Store, claim: &Claim) -> Result<(), StoreError> {
    let claimed = store.claim(claim.clone()).await?;
    if let Verdict::Granted { token, .. } = claimed.verdict {
        let grant = Grant::new(claimed.record, token, claim.id);
        store.finish(grant, End::Withdraw).await?;
    }
    Ok(())
}
