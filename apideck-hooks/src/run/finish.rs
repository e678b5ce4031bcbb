//! Recording the end of a run.
//!
//! # How it works
//!
//! The end is sent to the store at once. If the call fails, it is repeated with growing pauses
//! until a tenth of the lease is left. A later call would be too late, because another delivery can
//! claim the record then.
//!
//! A failed call may have changed the record, because only its answer may be lost. The store
//! answers the repeated call as it answered the first, because the grant's claim id is the same.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::granted::Granted;
use super::runner::Runner;
use crate::observe::StoreOperation;
use crate::store::{End, Held, StoreError};

/// The result of recording an end.
pub(super) enum Recorded {
    /// The store recorded the end.
    Yes,
    /// Another delivery has taken the claim.
    Lost,
    /// The store has no room for the dead letter.
    NoRoom,
    /// The store failed until the lease was nearly over.
    No,
}

impl From<Held> for Recorded {
    fn from(held: Held) -> Self {
        match held {
            Held::Yes => Self::Yes,
            Held::Lost => Self::Lost,
            Held::NoRoom => Self::NoRoom,
        }
    }
}

/// Pause before the second call. It doubles with each further call.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two calls.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Runner {
    /// Records the end. Repeats a failed call while no other delivery can have taken the claim.
    pub(super) async fn record(&self, granted: &Granted<'_>, end: &End) -> Recorded {
        match self.store.finish_at_once(granted.grant, end) {
            Some(held) => Recorded::from(held),
            // Boxed, because a delivery with a store in memory does not need this future.
            None => Box::pin(self.record_and_wait(granted, end)).await,
        }
    }

    async fn record_and_wait(&self, granted: &Granted<'_>, end: &End) -> Recorded {
        let mut pause = FIRST_PAUSE;
        loop {
            let finish = self.store.finish(granted.grant, end.clone());
            let error: StoreError = match self.call(StoreOperation::Finish, finish).await {
                Ok(held) => return Recorded::from(held),
                Err(error) => error,
            };
            self.store_failed(&error, granted.about());
            let last = granted.lease.end() - self.limits.lease / 10;
            if Instant::now() + pause > last {
                tracing::error!(%error, "the end of a run could not be recorded before its lease ended");
                return Recorded::No;
            }
            tracing::warn!(%error, "the end of a run could not be recorded: the call is repeated");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
