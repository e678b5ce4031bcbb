//! The memory of bodies that are being read.
//!
//! # How it works
//!
//! A stranger can send a megabyte on each of many connections and stop one byte before the end. So
//! all bodies together have a budget. The first bytes of a body are free, because nearly all bodies
//! end within them, and such a body takes no lock. A longer body takes a share. If the shares are
//! greater than the budget, the slowest body is cut: the one with the fewest bytes for each second
//! since it took its share. A genuine sender is faster than that.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

/// The bytes of each body that count for nothing.
pub(crate) const FREE: usize = 32 * 1024;

/// The memory of all bodies that are being read.
pub(crate) struct Budget {
    bytes: usize,
    shares: Mutex<Shares>,
}

#[derive(Default)]
struct Shares {
    used: usize,
    next: u64,
    bodies: HashMap<u64, Slow>,
}

/// A body that is longer than its free bytes.
struct Slow {
    since: Instant,
    bytes: usize,
    /// Dropped to cut the body.
    _cut: oneshot::Sender<()>,
}

/// The share of one body. Dropping it gives the bytes back.
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    number: u64,
    cut: oneshot::Receiver<()>,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            shares: Mutex::new(Shares::default()),
        }
    }

    /// Begins a share of no bytes.
    pub(crate) fn share(&self) -> Share<'_> {
        let (sender, cut) = oneshot::channel();
        let mut shares = self.lock();
        let number = shares.next;
        shares.next += 1;
        let slow = Slow {
            since: Instant::now(),
            bytes: 0,
            _cut: sender,
        };
        shares.bodies.insert(number, slow);
        Share {
            budget: self,
            number,
            cut,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// Adds bytes that were received. May cut this body or another one.
    pub(crate) fn add(&mut self, bytes: usize) {
        let mut shares = self.budget.lock();
        let Some(slow) = shares.bodies.get_mut(&self.number) else {
            return;
        };
        slow.bytes += bytes;
        shares.used += bytes;
        while shares.used > self.budget.bytes {
            let Some(slowest) = shares.slowest() else { return };
            shares.remove(slowest);
        }
    }

    /// Waits until the body is cut.
    pub(crate) async fn cut(&mut self) {
        let _ = (&mut self.cut).await;
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.lock().remove(self.number);
    }
}

impl Shares {
    fn remove(&mut self, number: u64) {
        if let Some(slow) = self.bodies.remove(&number) {
            self.used -= slow.bytes;
        }
    }

    /// Returns the body with the fewest bytes for each second.
    fn slowest(&self) -> Option<u64> {
        let now = Instant::now();
        let rate = |slow: &Slow| slow.bytes as f64 / now.duration_since(slow.since).as_secs_f64().max(1e-6);
        let bodies = self.bodies.iter().filter(|(_, slow)| slow.bytes > 0);
        let slowest = bodies.min_by(|(_, one), (_, other)| rate(one).total_cmp(&rate(other)));
        slowest.map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    fn is_cut(share: &mut Share<'_>) -> bool {
        share.cut().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_body_is_cut_first() {
        let budget = Budget::new(100);
        let mut slow = budget.share();
        slow.add(60);
        tokio::time::advance(Duration::from_secs(10)).await;
        let mut fast = budget.share();
        tokio::time::advance(Duration::from_secs(1)).await;
        fast.add(40);
        assert!(!is_cut(&mut slow) && !is_cut(&mut fast));
        fast.add(1);
        assert!(is_cut(&mut slow) && !is_cut(&mut fast));
        // The bytes of a body that was cut are free, and count no more.
        slow.add(1_000);
        fast.add(59);
        assert!(!is_cut(&mut fast));
        fast.add(1);
        assert!(is_cut(&mut fast));
    }

    #[tokio::test]
    async fn an_ended_body_gives_its_bytes_back() {
        let budget = Budget::new(100);
        for _ in 0..10 {
            let mut share = budget.share();
            share.add(100);
            assert!(!is_cut(&mut share));
        }
        assert_eq!(budget.lock().used, 0);
        assert!(budget.lock().bodies.is_empty());
    }
}
