//! The signal that a run has lost its claim.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The signal that a run has lost its claim. It stays given.
#[derive(Default)]
pub(crate) struct Signal {
    given: AtomicBool,
    notify: Notify,
}

impl Signal {
    pub(super) fn give(&self) {
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

/// The signal of a delivery that a unit test changes.
#[cfg(feature = "testing")]
impl Clone for Signal {
    fn clone(&self) -> Self {
        Self {
            given: AtomicBool::new(self.is_given()),
            notify: Notify::new(),
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_given_if_the_signal_was() {
        let signal = Signal::default();
        assert!(!signal.clone().is_given());
        signal.give();
        assert!(signal.clone().is_given());
    }
}
