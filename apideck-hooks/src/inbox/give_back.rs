//! Claims that were fetched and not begun.

use std::sync::Arc;

use crate::store::{End, Fetched, Grant, Store};

/// Fetched records. Those that are not taken out are given back when it is dropped: their claims
/// are withdrawn, so that no attempt counts.
///
/// This is best effort, as a claim ends with its lease in any case.
pub(super) struct Claims {
    store: Arc<dyn Store>,
    fetched: Vec<Fetched>,
}

impl Claims {
    pub(super) fn new(store: &Arc<dyn Store>, mut fetched: Vec<Fetched>) -> Self {
        // The last one is taken first.
        fetched.reverse();
        Self {
            store: Arc::clone(store),
            fetched,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.fetched.len()
    }

    /// Takes one out, which is run. It is given back if the run is dropped before it begins.
    pub(super) fn split(&mut self) -> Option<Self> {
        let fetched = self.fetched.pop()?;
        Some(Self::new(&self.store, vec![fetched]))
    }

    /// Takes the last one out. Its run has begun.
    pub(super) fn begin(mut self) -> Option<Fetched> {
        self.fetched.pop()
    }

    /// Gives all back, and waits for it. If the future is dropped, a task gives the rest back.
    pub(super) async fn give_back(mut self) {
        let store = Arc::clone(&self.store);
        while let Some(grant) = self.fetched.last().map(|fetched| fetched.grant) {
            withdraw(&*store, grant).await;
            self.fetched.pop();
        }
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let fetched = std::mem::take(&mut self.fetched);
        if let (false, Ok(runtime)) = (fetched.is_empty(), tokio::runtime::Handle::try_current()) {
            let store = Arc::clone(&self.store);
            runtime.spawn(async move {
                for fetched in fetched {
                    withdraw(&*store, fetched.grant).await;
                }
            });
        }
    }
}

async fn withdraw(store: &dyn Store, grant: Grant) {
    if let Err(error) = store.finish(grant, End::Withdraw).await {
        tracing::warn!(%error, "a fetched event could not be given back: its lease ends its claim");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Key;
    use crate::store::{Claim, DeadLetter, MemoryStore, Verdict};
    use std::time::{Duration, UNIX_EPOCH};

    async fn fetched(store: &dyn Store, n: u8) -> Fetched {
        let claim = Claim::new(Key::from_bytes([n; 16]), Duration::from_secs(60));
        let id = claim.id;
        let claimed = store.claim(claim).await.unwrap();
        let Verdict::Granted { token, attempt } = claimed.verdict else {
            panic!("{claimed:?}")
        };
        Fetched {
            grant: Grant::new(claimed.record, token, id),
            attempt,
            since_first_run: Duration::ZERO,
            accepted_at: UNIX_EPOCH,
            idempotency_key: None,
            kept: DeadLetter::new("", ""),
        }
    }

    #[tokio::test]
    async fn all_are_given_back_but_those_whose_runs_have_begun() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut all = Vec::new();
        for n in 0..4 {
            all.push(fetched(&*store, n).await);
        }
        let mut claims = Claims::new(&store, all);
        assert!(claims.split().unwrap().begin().is_some());
        drop(claims.split());
        assert_eq!(claims.len(), 2);
        claims.give_back().await;
        tokio::task::yield_now().await;
        for n in 0..4 {
            let status = store.status(Key::from_bytes([n; 16])).await.unwrap();
            assert_eq!(status.attempts, u32::from(n == 0), "{n}");
        }
    }
}
