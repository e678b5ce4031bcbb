//! Giving a claim back when its task is dropped before its handler has ended.
//!
//! # How it works
//!
//! A runtime that shuts down drops its tasks, and a panic outside of the handler unwinds through
//! them. A destructor cannot wait for the store. So the guard polls the call once, which is enough
//! for a store in memory. If the call is not ready, the guard spawns it on the current runtime, if
//! there is one.
//!
//! This is best effort. The claim ends with its lease in any case.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::store::{End, Grant, Store};

/// Ends the claim when it is dropped before [`disarm`](Guard::disarm).
pub(super) struct Guard<'a> {
    store: &'a Arc<dyn Store>,
    grant: Grant,
    /// `None` after the guard was disarmed.
    end: Option<End>,
}

impl<'a> Guard<'a> {
    /// Makes the guard of a claim whose run has not begun.
    pub(super) fn new(store: &'a Arc<dyn Store>, grant: Grant) -> Self {
        Self {
            store,
            grant,
            end: Some(End::Withdraw),
        }
    }

    /// Tells that the run has begun. Its attempt is taken back only a few times in a row.
    pub(super) fn run_began(&mut self) {
        self.end = Some(End::Interrupt);
    }

    /// Ends the guard. Call it when the handler has ended, just before its end is recorded.
    pub(super) fn disarm(mut self) {
        self.end = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Some(end) = self.end.take() else { return };
        let (store, grant) = (Arc::clone(self.store), self.grant);
        let mut give_back = Box::pin(async move {
            let _ = store.finish(grant, end).await;
        });
        let done = give_back
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready();
        if let (false, Ok(runtime)) = (done, tokio::runtime::Handle::try_current()) {
            runtime.spawn(give_back);
        }
    }
}
