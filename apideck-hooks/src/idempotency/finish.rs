//! Recording how a run ended.

use super::lease::Lease;
use super::run::Runner;
use super::store::{End, Held, Status, StoreError, Token};
use crate::delivery::Key;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Whether it was recorded.
pub(super) enum Recorded {
    Yes,
    /// Another delivery has taken the claim.
    Lost,
    /// The store could not be reached while the lease lasted.
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
    /// Records the end, again and again while nobody else can have taken the claim.
    pub(super) async fn record(&self, record: Key, token: Token, end: &End, lease: &Lease) -> Recorded {
        match self.store.finish_at_once(record, token, end) {
            Some(held) => Recorded::from(held),
            // Boxed, as one that waits takes the more room.
            None => Box::pin(self.record_in_a_while(record, token, end, lease)).await,
        }
    }

    async fn record_in_a_while(&self, record: Key, token: Token, end: &End, lease: &Lease) -> Recorded {
        match self
            .within_timeout(self.store.finish(record, token, end.clone()))
            .await
        {
            Ok(held) => Recorded::from(held),
            // Boxed, as it is rare.
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
            self.stats.store_errors.add();
            if Instant::now() + pause > last {
                tracing::error!(%error, "the end of a run could not be recorded while its lease lasted");
                return Recorded::No;
            }
            tracing::warn!(%error, "the end of a run could not be recorded; trying again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let finish = self.store.finish(record, token, end.clone());
            error = match self.within_timeout(finish).await {
                Ok(Held::Yes) => return Recorded::Yes,
                // The call whose answer was lost may have been the one that settled it.
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
