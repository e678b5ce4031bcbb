//! The signal that a run has lost its claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::Inner;

/// The signal that the run of a delivery has lost its claim.
///
/// It is a part of the delivery, because a delivery has one claim at most, and its handler can keep
/// the delivery for longer than the run.
#[derive(Clone)]
pub(crate) struct ClaimLost(pub(super) Arc<Inner>);

impl ClaimLost {
    /// Gives the signal. It stays given.
    pub(crate) fn signal(&self) {
        self.0.claim_lost.give();
    }
}

/// A signal that stays given.
#[derive(Default)]
pub(crate) struct Signal {
    given: AtomicBool,
    notify: Notify,
}

impl Signal {
    fn give(&self) {
        // Before the waiters are woken, because they read it when they wake.
        self.given.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    pub(super) fn is_given(&self) -> bool {
        self.given.load(Ordering::SeqCst)
    }

    /// Waits for the signal.
    pub(super) async fn wait(&self) {
        // Made before the check, so a signal between the check and the wait is not missed.
        let notified = self.notify.notified();
        if !self.is_given() {
            notified.await;
        }
    }
}
