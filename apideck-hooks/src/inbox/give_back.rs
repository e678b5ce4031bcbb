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

    /// Takes one out, which is run.
    pub(super) fn take(&mut self) -> Option<Fetched> {
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
