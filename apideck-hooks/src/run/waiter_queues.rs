//! Queues that tell waiting duplicates of the end of a run. The wait itself is in `duplicates`.
//!
//! # How it works
//!
//! Each record with a waiter has a queue: a watch channel that gets the disposition. A waiter joins
//! the queue of its record under the lock. `settle` takes the queue out of the map under the same
//! lock and then sends the disposition. So each waiter of that queue gets it, and a later waiter
//! gets a new queue.
//!
//! `waiting` counts the waiters. `register` raises it before it takes the lock. `settle` reads it
//! without the lock, so settling an event without duplicates costs one load.
//!
//! Both sides use `SeqCst`. A waiter raises the count and then reads the record's status. The
//! running delivery changes the record and then reads the count. With a weaker order each could
//! miss the other.
//!
//! The last waiter to leave removes its queue. A waiter that leaves late must not remove the queue
//! of later waiters, so it compares the queues' pointers.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use crate::delivery::Key;
use crate::disposition::Disposition;
use crate::sync::{AtomicUsize, Mutex};

/// The waiters of each record.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: AtomicUsize,
    records: Mutex<HashMap<Key, Arc<WaiterQueue>>>,
}

/// The waiters for the next disposition of a record.
type WaiterQueue = watch::Sender<Option<Disposition>>;

/// A registered waiter. Dropping it leaves the queue.
pub(super) struct Waiter<'a> {
    waiters: &'a Waiters,
    record: Key,
    queue: Arc<WaiterQueue>,
    /// `None` after the waiter has left. It leaves under the lock, so that the last waiter sees
    /// that it is the last.
    receiver: Option<watch::Receiver<Option<Disposition>>>,
}

impl Waiters {
    /// Registers a waiter. It is told of later dispositions only, so read the record's status
    /// afterwards.
    pub(super) fn register(&self, record: Key) -> Waiter<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = records
            .entry(record)
            .or_insert_with(|| Arc::new(watch::channel(None).0));
        Waiter {
            waiters: self,
            record,
            receiver: Some(queue.subscribe()),
            queue: Arc::clone(queue),
        }
    }

    /// Sends the disposition to the record's waiters. Call it after the record was settled.
    pub(super) fn settle(&self, record: Key, disposition: Disposition) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let queue = self
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&record);
        if let Some(queue) = queue {
            queue.send_replace(Some(disposition));
        }
    }
}

#[cfg(all(test, apideck_hooks_loom))]
impl Waiters {
    /// Tells if neither a waiter nor a queue is left.
    pub(super) fn is_empty(&self) -> bool {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.is_empty() && self.waiting.load(Ordering::SeqCst) == 0
    }
}

impl Waiter<'_> {
    /// Waits for the disposition of the delivery that settles the record. It waits forever if no
    /// delivery in this process settles it.
    pub(super) async fn disposition(&mut self) -> Disposition {
        let sent = match &mut self.receiver {
            Some(receiver) => receiver
                .wait_for(Option::is_some)
                .await
                .map_or(None, |sent| *sent),
            None => None,
        };
        match sent {
            Some(disposition) => disposition,
            // Not reached, because the waiter keeps its queue alive.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut records = self
            .waiters
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let current = records
            .get(&self.record)
            .is_some_and(|queue| Arc::ptr_eq(queue, &self.queue));
        self.receiver = None;
        if current && self.queue.receiver_count() == 0 {
            records.remove(&self.record);
        }
        drop(records);
        self.waiters.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    #[tokio::test]
    async fn each_waiter_gets_the_disposition_and_no_queue_is_left() {
        let waiters = Waiters::default();
        let (mut one, mut two) = (waiters.register(key(1)), waiters.register(key(1)));
        let other = waiters.register(key(2));
        waiters.settle(key(1), Disposition::Handled);
        assert_eq!(
            (one.disposition().await, two.disposition().await),
            (Disposition::Handled, Disposition::Handled)
        );
        drop((one, two, other));
        assert_eq!(waiters.waiting.load(Ordering::SeqCst), 0);
        assert!(waiters.records.lock().unwrap().is_empty());
    }

    #[test]
    fn waiters_that_leave_together_leave_no_queue() {
        let waiters = Waiters::default();
        for round in 0..200 {
            let barrier = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let (waiter, barrier) = (waiters.register(key(round)), &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        drop(waiter);
                    });
                }
            });
        }
        assert!(waiters.records.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_leaves_late_does_not_close_the_next_queue() {
        let waiters = Waiters::default();
        let early = waiters.register(key(1));
        waiters.settle(key(1), Disposition::Failed);
        let mut late = waiters.register(key(1));
        drop(early);
        waiters.settle(key(1), Disposition::Handled);
        assert_eq!(late.disposition().await, Disposition::Handled);
    }
}
