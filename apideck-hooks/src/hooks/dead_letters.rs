//! Listing, replaying and purging dead letters.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::time::Instant;

use super::dispatch::{Arrival, Dispatched};
use super::receiver::Hooks;
use super::work::Progress;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::signature::VerifiedText;
use crate::store::{Cursor, DeadLetterStore, DeadRecord, StoreError};

/// The dead letters of a receiver. Get it from [`Hooks::dead_letters`].
#[derive(Clone, Copy, Debug)]
pub struct DeadLetters<'a> {
    hooks: &'a Hooks,
}

/// The result of a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Replayed {
    /// The handler succeeded, or ignored the event. The dead letter is gone.
    Done,
    /// The handler failed. The dead letter is kept.
    Failed,
    /// The router has no handler for the event. The dead letter is kept.
    NoHandler,
    /// The dead letter has no body, because the body was too large for the store. The dead letter
    /// is kept.
    NoBody,
    /// A handler is running for the event.
    Running,
    /// The store has no such dead letter.
    Unknown,
    /// The replay was refused for now: too many deliveries are in flight, the receiver is shutting
    /// down, or a call to the store failed. The dead letter is kept.
    Busy,
}

impl Hooks {
    /// Returns the dead letters of the receiver. `None` if its store does not keep them.
    pub fn dead_letters(&self) -> Option<DeadLetters<'_>> {
        self.receiver
            .store
            .dead_letters()
            .map(|_| DeadLetters { hooks: self })
    }
}

impl DeadLetters<'_> {
    /// Lists up to `limit` dead letters, newest first.
    ///
    /// With `before`, the list continues after that cursor. A page can be shorter than `limit`. An
    /// empty page is the end of the list.
    ///
    /// A [`cursor`](DeadRecord::cursor) stays valid when its dead letter is replayed or purged. So
    /// handle a page and go on from the cursor of its last record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        match self.store() {
            Some(store) => store.list(before, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns one dead letter. `None` if the store has no dead letter of this record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        match self.store() {
            Some(store) => store.get(record).await,
            None => Ok(None),
        }
    }

    /// Runs the handler for one dead letter now, as attempt 1, and waits for its end.
    ///
    /// The store keeps the verified text only, so the handler's [`Delivery`](crate::Delivery) has
    /// no headers. Any failure dead-letters the event again.
    ///
    /// # Errors
    ///
    /// The store failed before the handler was started.
    pub async fn replay(&self, record: Key) -> Result<Replayed, StoreError> {
        let receiver = &self.hooks.receiver;
        let Some(store) = self.store() else {
            return Ok(Replayed::Unknown);
        };
        let Some(dead) = store.get(record).await? else {
            return Ok(Replayed::Unknown);
        };
        let Some(body) = dead.letter.body else {
            return Ok(Replayed::NoBody);
        };
        let Ok(permit) = receiver.admit() else {
            return Ok(Replayed::Busy);
        };
        if !store.release(record).await? {
            return Ok(Replayed::Running);
        }
        let arrival = Arrival {
            headers: HeaderMap::new(),
            text: VerifiedText::kept(body),
            received_at: SystemTime::now(),
            now: Instant::now(),
            replayed: Some(record),
            permit,
        };
        let disposition = match Arc::clone(&receiver.dispatch).dispatch(arrival) {
            Ok(Dispatched::Work(work)) => match work.begin().await {
                Progress::Done(disposition) => disposition,
                // The runtime was shut down, or a `Drop` in the handler panicked.
                Progress::Waiting(task) => task.await.unwrap_or(Disposition::Failed),
            },
            Ok(Dispatched::Settled(disposition)) => disposition,
            // Not reached, because a replay has no headers that could contradict the body.
            Err(_) => Disposition::Failed,
        };
        Ok(match disposition {
            Disposition::Handled | Disposition::Duplicate | Disposition::Ignored => Replayed::Done,
            Disposition::NoHandler => Replayed::NoHandler,
            Disposition::Later {
                why: Why::Running, ..
            } => Replayed::Running,
            Disposition::Later { .. } => Replayed::Busy,
            Disposition::Failed | Disposition::DeadLettered | Disposition::Unprocessable => Replayed::Failed,
        })
    }

    /// Deletes one dead letter and its record. If Apideck delivers the event again, it is a new
    /// event.
    ///
    /// Returns `false` if the store has no such dead letter, or if a handler is running for it.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn purge(&self, record: Key) -> Result<bool, StoreError> {
        match self.store() {
            Some(store) => store.purge(record).await,
            None => Ok(false),
        }
    }

    fn store(&self) -> Option<&dyn DeadLetterStore> {
        self.hooks.receiver.store.dead_letters()
    }
}
