//! Deliveries that wait for another delivery of the same event in this process.

use super::sync::{AtomicUsize, Mutex};
use crate::delivery::Key;
use crate::service::Answer;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use tokio::sync::watch;

/// Who waits for which record. Empty unless a retry overlaps its handler, so that settling an event that nobody waits
/// for costs one load.
#[derive(Default)]
pub(super) struct Twins {
    waiting: AtomicUsize,
    records: Mutex<HashMap<Key, Arc<Queue>>>,
}

/// Those who wait for one settlement of a record.
type Queue = watch::Sender<Option<Answer>>;

/// A place in the queue; leaving gives it up.
pub(super) struct Wait<'a> {
    twins: &'a Twins,
    record: Key,
    queue: Arc<Queue>,
    /// None once it has left: given up under the lock, so that the last to leave knows that it is.
    answer: Option<watch::Receiver<Option<Answer>>>,
}

impl Twins {
    /// Waits for the record from now on. Look at the record's status after this: what was settled before is not told.
    pub(super) fn wait(&self, record: Key) -> Wait<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = records
            .entry(record)
            .or_insert_with(|| Arc::new(watch::channel(None).0));
        Wait {
            twins: self,
            record,
            answer: Some(queue.subscribe()),
            queue: Arc::clone(queue),
        }
    }

    /// Tells those who wait. Call it after the record was settled.
    pub(super) fn settled(&self, record: Key, answer: Answer) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let waiting = self
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&record);
        if let Some(waiting) = waiting {
            waiting.send_replace(Some(answer));
        }
    }
}

#[cfg(all(test, apideck_hooks_loom))]
impl Twins {
    /// Whether nothing is left of those who have waited.
    pub(super) fn is_empty(&self) -> bool {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.is_empty() && self.waiting.load(Ordering::SeqCst) == 0
    }
}

impl Wait<'_> {
    /// The answer of the delivery that was waited for. Never ready if nobody here settles it.
    pub(super) async fn answer(&mut self) -> Answer {
        let told = match &mut self.answer {
            Some(answer) => answer
                .wait_for(Option::is_some)
                .await
                .map_or(None, |answer| *answer),
            None => None,
        };
        match told {
            Some(answer) => answer,
            // The queue lives as long as the wait.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut records = self.twins.records.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one leaves no empty queue behind; a later queue for the same record is not his.
        let mine = records
            .get(&self.record)
            .is_some_and(|queue| Arc::ptr_eq(queue, &self.queue));
        self.answer = None;
        if mine && self.queue.receiver_count() == 0 {
            records.remove(&self.record);
        }
        drop(records);
        self.twins.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    #[tokio::test]
    async fn all_who_wait_are_told_and_nothing_is_left() {
        let twins = Twins::default();
        let (mut one, mut two, other) = (twins.wait(key(1)), twins.wait(key(1)), twins.wait(key(2)));
        twins.settled(key(1), Answer::Handled);
        assert_eq!(
            (one.answer().await, two.answer().await),
            (Answer::Handled, Answer::Handled)
        );
        drop((one, two, other));
        assert_eq!(twins.waiting.load(Ordering::SeqCst), 0);
        assert!(twins.records.lock().unwrap().is_empty());
    }

    #[test]
    fn those_who_leave_at_once_leave_nothing() {
        let twins = Twins::default();
        for round in 0..200 {
            let barrier = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let (wait, barrier) = (twins.wait(key(round)), &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        drop(wait);
                    });
                }
            });
        }
        assert!(twins.records.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_leaves_late_does_not_close_the_next_queue() {
        let twins = Twins::default();
        let early = twins.wait(key(1));
        twins.settled(key(1), Answer::Failed);
        let mut late = twins.wait(key(1));
        drop(early);
        twins.settled(key(1), Answer::Handled);
        assert_eq!(late.answer().await, Answer::Handled);
    }
}
