//! Gives a claim back if its task is dropped half-way.

use super::store::{End, Store, Token};
use crate::delivery::Key;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

/// Releases the claim when it is dropped armed: the runtime is shutting down, or something panicked outside of the
/// handler. Best effort: correctness rests on the lease.
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

    /// The handler has ended; what is left is to record how.
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
        // A store in memory needs one poll and no runtime.
        let done = release
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready();
        if let (false, Ok(runtime)) = (done, tokio::runtime::Handle::try_current()) {
            runtime.spawn(release);
        }
    }
}
