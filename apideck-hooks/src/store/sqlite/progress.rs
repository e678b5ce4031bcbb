//! The progress of the workers, which are in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// The progress of the workers.
pub(super) struct Advance {
    news: watch::Sender<u64>,
    /// The time of the last fetch that found something, or of the opening. It orders no other
    /// memory.
    fetched: AtomicU64,
}

impl Advance {
    pub(super) fn new(now: u64) -> Self {
        Self {
            news: watch::Sender::new(0),
            fetched: AtomicU64::new(now),
        }
    }

    /// Tells the workers that a fetch can find more.
    pub(super) fn tell(&self) {
        self.news.send_modify(|news| *news = news.wrapping_add(1));
    }

    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    pub(super) fn set_fetched(&self, now: u64) {
        self.fetched.store(now, Ordering::Relaxed);
    }
}
