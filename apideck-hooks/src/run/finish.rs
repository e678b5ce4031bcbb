//! Recording the end of a run.
//!
//! # How it works
//!
//! The end is sent to the store at once. If the call fails, it is repeated with growing pauses
//! until a tenth of the lease is left. A later call would be too late, because another delivery can
//! claim the record then.
//!
//! A failed call may have changed the record, because only its answer may be lost. The repeated
//! call then returns `Lost`. So the record's status decides: if this token settled the record, the
//! end was recorded.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lease::Lease;
use super::runner::Runner;
use crate::delivery::Key;
use crate::store::{End, Held, Status, StoreError, Token};

/// The result of recording an end.
pub(super) enum Recorded {
    /// The store recorded the end.
    Yes,
    /// Another delivery has taken the claim.
    Lost,
    /// The store failed until the lease was nearly over.
    No,
}

impl From<Held> for Recorded {
    fn from(held: Held) -> Self {
        match held {
            Held::Yes => Self::Yes,
            Held::Lost => Self::Lost,
        }
    }
}

/// Pause before the second call. It doubles with each further call.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two calls.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Runner {
    /// Records the end. Repeats a failed call while no other delivery can have taken the claim.
    pub(super) async fn record(&self, record: Key, token: Token, end: &End, lease: &Lease) -> Recorded {
        match self.store.finish_at_once(record, token, end) {
            Some(held) => Recorded::from(held),
            // Boxed, because a delivery with a store in memory does not need this future.
            None => Box::pin(self.record_and_wait(record, token, end, lease)).await,
        }
    }

    async fn record_and_wait(&self, record: Key, token: Token, end: &End, lease: &Lease) -> Recorded {
        match self
            .within_timeout(self.store.finish(record, token, end.clone()))
            .await
        {
            Ok(held) => Recorded::from(held),
            // Boxed, because it is rare.
            Err(error) => Box::pin(self.record_again(error, record, token, end, lease)).await,
        }
    }

    async fn record_again(
        &self,
        mut error: StoreError,
        record: Key,
        token: Token,
        end: &End,
        lease: &Lease,
    ) -> Recorded {
        let last = lease.end() - self.limits.lease / 10;
        let mut pause = FIRST_PAUSE;
        loop {
            self.counters.store_errors.add();
            if Instant::now() + pause > last {
                tracing::error!(%error, "the end of a run could not be recorded before its lease ended");
                return Recorded::No;
            }
            tracing::warn!(%error, "the end of a run could not be recorded: the call is repeated");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let finish = self.store.finish(record, token, end.clone());
            error = match self.within_timeout(finish).await {
                Ok(Held::Yes) => return Recorded::Yes,
                Ok(Held::Lost) if self.is_settled_by(record, token).await => return Recorded::Yes,
                Ok(Held::Lost) => return Recorded::Lost,
                Err(error) => error,
            };
        }
    }

    /// Tells if the claim with this token settled the record.
    async fn is_settled_by(&self, record: Key, token: Token) -> bool {
        match self.within_timeout(self.store.status(record)).await {
            Ok(
                Status::Done { token: by } | Status::Dead { token: by } | Status::Released { token: by, .. },
            ) => by == token,
            _ => false,
        }
    }
}
