//! Recording the end of a run.
//!
//! # How it works
//!
//! The first call goes to the store at once. If it fails, the call is repeated with growing pauses until a tenth of the
//! lease is left. After that another delivery could hold the claim, and a late call could only be refused.
//!
//! A call whose answer was lost may have changed the record. The repeated call is then refused as `Lost`. So the
//! record's status decides: if this token settled it, the end was recorded.

use super::lease::Lease;
use super::runner::Runner;
use crate::delivery::Key;
use crate::store::{End, Held, Status, StoreError, Token};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The result of recording an end.
pub(super) enum Recorded {
    /// The store has it.
    Yes,
    /// Another delivery has taken the claim.
    Lost,
    /// The store failed for as long as the lease lasted.
    No,
}

impl From<Held> for Recorded {
    fn from(held: Held) -> Self {
        match held {
            Held::Yes => Recorded::Yes,
            Held::Lost => Recorded::Lost,
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Runner {
    /// Records the end, again and again while no other delivery can have taken the claim.
    pub(super) async fn record(&self, record: Key, token: Token, end: &End, lease: &Lease) -> Recorded {
        match self.store.finish_at_once(record, token, end) {
            Some(held) => Recorded::from(held),
            // Boxed, because a store that waits takes more memory than most deliveries need.
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
            Err(error) => Box::pin(self.record_after(error, record, token, end, lease)).await,
        }
    }

    async fn record_after(
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
                tracing::error!(%error, "the end of a run could not be recorded while its lease lasted");
                return Recorded::No;
            }
            tracing::warn!(%error, "the end of a run could not be recorded and is sent again");
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

    async fn is_settled_by(&self, record: Key, token: Token) -> bool {
        match self.within_timeout(self.store.status(record)).await {
            Ok(
                Status::Done { token: by } | Status::Dead { token: by } | Status::Released { token: by, .. },
            ) => by == token,
            _ => false,
        }
    }
}
