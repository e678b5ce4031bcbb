//! Taking back a claim whose answer was lost.
//!
//! # How it works
//!
//! A claim that failed may have been granted all the same, for example because its answer came too
//! late. Nobody runs its handler then, so its attempt must not count. The claim is sent again with
//! the same id, and gets the same grant if it was granted. That grant is withdrawn. If the claim
//! had not reached the store, it is granted now and withdrawn at once.
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
    pub(super) fn take_back(&self, mut claim: Claim, replay_of: Option<String>) {
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
                let withdrawn = timeout(limit, withdraw(&*store, &claim, replay_of.as_deref())).await;
                if matches!(withdrawn, Ok(Ok(()))) {
                    break;
                }
            }
            drop(permit);
        });
    }
}

async fn withdraw(store: &dyn Store, claim: &Claim, replay_of: Option<&str>) -> Result<(), StoreError> {
    let (record, verdict) = match (store.dead_letters(), replay_of) {
        (Some(letters), Some(source)) => (claim.event, letters.replay(source, claim.clone()).await?),
        _ => {
            let claimed = store.claim(claim.clone()).await?;
            (claimed.record, Some(claimed.verdict))
        }
    };
    if let Some(Verdict::Granted { token, .. }) = verdict {
        let grant = Grant::new(record, token, claim.id);
        store.finish(grant, End::Withdraw).await?;
    }
    Ok(())
}
