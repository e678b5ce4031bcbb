//! Claims whose callers have given up.
//!
//! A claim can be granted although its caller is gone. Then nobody runs the event, so the store
//! withdraws the claim. The caller may send the same claim again meanwhile. It waits here until
//! that is done, because it would get the grant that is about to be withdrawn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::store::ClaimId;

/// The claims that may have to be withdrawn. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Late(Arc<Mutex<HashMap<ClaimId, watch::Receiver<()>>>>);

/// One such claim, until it is dropped.
pub(super) struct Withdrawing {
    late: Late,
    id: ClaimId,
    /// Its drop wakes the waiters.
    _done: watch::Sender<()>,
}

impl Late {
    pub(super) fn add(&self, id: ClaimId) -> Withdrawing {
        let (done, waiter) = watch::channel(());
        self.lock().insert(id, waiter);
        Withdrawing {
            late: self.clone(),
            id,
            _done: done,
        }
    }

    /// Waits until no earlier claim with this id can be withdrawn.
    pub(super) async fn settled(&self, id: ClaimId) {
        let waiter = self.lock().get(&id).cloned();
        if let Some(mut waiter) = waiter {
            // An error tells that it is done.
            let _ = waiter.changed().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClaimId, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Withdrawing {
    fn drop(&mut self) {
        self.late.lock().remove(&self.id);
    }
}
