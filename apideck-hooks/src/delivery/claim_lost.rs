//! The signal that a run has lost its claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The signal that a run has lost its claim. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct ClaimLost(Arc<Signal>);

#[derive(Default)]
struct Signal {
    lost: AtomicBool,
    notify: Notify,
}

impl ClaimLost {
    /// Gives the signal. It stays given.
    pub(crate) fn signal(&self) {
        // Before the waiters are woken, because they read it when they wake.
        self.0.lost.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::SeqCst)
    }

    /// Waits for the signal.
    pub(crate) async fn wait(&self) {
        // Made before the check, so a signal between the check and the wait is not missed.
        let notified = self.0.notify.notified();
        if !self.is_lost() {
            notified.await;
        }
    }
}
