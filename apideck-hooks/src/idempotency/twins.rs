//! Deliveries that wait for another delivery of the same event in this process.

use crate::delivery::Key;
use crate::service::Answer;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Who waits for which record. Empty unless a retry overlaps its handler, so that settling an event that nobody waits
/// for costs one load.
#[derive(Default)]
pub(super) struct Twins {
    waiting: AtomicUsize,
    records: Mutex<HashMap<Key, watch::Sender<Option<Answer>>>>,
}

/// A place in the queue; leaving gives it up.
pub(super) struct Wait<'a> {
    twins: &'a Twins,
    record: Key,
    answer: watch::Receiver<Option<Answer>>,
}

impl Twins {
    /// Waits for the record from now on. Look at the record's status after this: what was settled before is not told.
    pub(super) fn wait(&self, record: Key) -> Wait<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = records
            .entry(record)
            .or_insert_with(|| watch::channel(None).0)
            .subscribe();
        Wait {
            twins: self,
            record,
            answer,
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
            let _ = waiting.send(Some(answer));
        }
    }
}

impl Wait<'_> {
    /// The answer of the delivery that was waited for. Never ready if nobody here settles it.
    pub(super) async fn answer(&mut self) -> Answer {
        match self.answer.wait_for(Option::is_some).await.map(|answer| *answer) {
            Ok(Some(answer)) => answer,
            // The sender goes only after an answer.
            _ => std::future::pending().await,
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut records = self.twins.records.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one to leave: this receiver is still counted. (One of an earlier round, which has its answer,
        // finds a queue with more in it or none.)
        let mine = self.answer.borrow().is_none();
        if mine
            && records
                .get(&self.record)
                .is_some_and(|sender| sender.receiver_count() == 1)
        {
            records.remove(&self.record);
        }
        drop(records);
        self.twins.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
