//! Queues that tell waiting duplicates of the end of a run. The wait itself is in `duplicates`.
//!
//! # How it works
//!
//! Each record with a waiter has a queue: a watch channel that gets the disposition, and the lock
//! of the one waiter that looks at the store. A waiter joins the queue of its record under the lock
//! of the map. `settle` takes the queue out of the map under the same lock and then sends the
//! disposition. So each waiter of that queue gets it, and a later waiter gets a new queue.
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

/// Maximum number of waiters of one record. A captured body can be sent any number of times.
pub(super) const MAX_OF_A_RECORD: usize = 8;
/// Maximum number of all waiters.
const MAX_WAITERS: usize = 1024;

/// The waiters for the next disposition of a record.
struct WaiterQueue {
    sender: watch::Sender<Option<Disposition>>,
    /// Held by the waiter that looks at the store.
    look: Arc<tokio::sync::Mutex<()>>,
}

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
    ///
    /// Returns `None` if too many wait already.
    pub(super) fn register(&self, record: Key) -> Option<Waiter<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let of_the_record = records
            .get(&record)
            .map_or(0, |queue| queue.sender.receiver_count());
        if before >= MAX_WAITERS || of_the_record >= MAX_OF_A_RECORD {
            drop(records);
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        let queue = records.entry(record).or_insert_with(|| {
            Arc::new(WaiterQueue {
                sender: watch::channel(None).0,
                look: Arc::default(),
            })
        });
        Some(Waiter {
            waiters: self,
            record,
            receiver: Some(queue.sender.subscribe()),
            queue: Arc::clone(queue),
        })
    }

    /// Returns the number of waiters.
    pub(super) fn count(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Sends the disposition to the record's waiters. Call it after the record was settled.
    pub(super) fn settle(&self, record: Key, disposition: Disposition) {
        if self.count() == 0 {
            return;
        }
        let queue = self
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&record);
        if let Some(queue) = queue {
            queue.sender.send_replace(Some(disposition));
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
    /// Returns the lock of the record's one waiter that looks at the store.
    pub(super) fn look(&self) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.queue.look)
    }

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
        if current && self.queue.sender.receiver_count() == 0 {
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
        let (mut one, mut two) = (
            waiters.register(key(1)).unwrap(),
            waiters.register(key(1)).unwrap(),
        );
        let other = waiters.register(key(2)).unwrap();
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
                    let (waiter, barrier) = (waiters.register(key(round)).unwrap(), &barrier);
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
        let early = waiters.register(key(1)).unwrap();
        waiters.settle(key(1), Disposition::Failed);
        let mut late = waiters.register(key(1)).unwrap();
        drop(early);
        waiters.settle(key(1), Disposition::Handled);
        assert_eq!(late.disposition().await, Disposition::Handled);
    }

    #[test]
    fn waiters_are_bounded() {
        let waiters = Waiters::default();
        let mut waiting: Vec<_> = (0..MAX_OF_A_RECORD)
            .map(|_| waiters.register(key(1)).unwrap())
            .collect();
        assert!(waiters.register(key(1)).is_none());
        assert!(waiters.register(key(2)).is_some());
        waiting.pop();
        assert!(waiters.register(key(1)).is_some());
        drop(waiting);
        assert_eq!(waiters.waiting.load(Ordering::SeqCst), 0);
        assert!(waiters.records.lock().unwrap().is_empty());
    }
}
