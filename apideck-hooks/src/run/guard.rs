//! Releasing a claim whose task is dropped before its handler has ended.
//!
//! # How it works
//!
//! A runtime that shuts down drops its tasks, and a panic outside of the handler unwinds through them. Neither can wait
//! for the store. So the guard polls the release once, which is enough for a store in memory, and spawns the rest if a
//! runtime is there. This is best effort: correctness rests on the lease alone.

use crate::delivery::Key;
use crate::store::{End, Store, Token};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

/// Releases the claim when it is dropped before [`disarm`](Guard::disarm).
pub(super) struct Guard<'a> {
    store: &'a Arc<dyn Store>,
    record: Key,
    token: Token,
    armed: bool,
}

impl<'a> Guard<'a> {
    pub(super) fn new(store: &'a Arc<dyn Store>, record: Key, token: Token) -> Self {
        Guard {
            store,
            record,
            token,
            armed: true,
        }
    }

    /// Ends the guard, because the handler has ended and its end is recorded next.
    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (store, record, token) = (Arc::clone(self.store), self.record, self.token);
        let mut release = Box::pin(async move {
            let _ = store.finish(record, token, End::Release).await;
        });
        let done = release
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready();
        if let (false, Ok(runtime)) = (done, tokio::runtime::Handle::try_current()) {
            runtime.spawn(release);
        }
    }
}
