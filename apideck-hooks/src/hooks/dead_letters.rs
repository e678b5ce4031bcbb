//! Looking into what was set aside, and handling it after all.

use super::dispatch::{Arrival, Dispatched};
use super::receiver::Hooks;
use super::work::Progress;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::signature::VerifiedText;
use crate::store::{Cursor, DeadLetterStore, DeadRecord, StoreError};
use http::HeaderMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;

/// The events that were set aside, of a receiver whose store keeps them.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetters<'a> {
    hooks: &'a Hooks,
}

/// What became of a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Replayed {
    /// It was handled, or ignored by its handler.
    Done,
    /// It failed, and stays set aside.
    Failed,
    /// No handler is for it. It stays set aside.
    NoHandler,
    /// Its body was too large to keep, so that there is nothing to hand to its handler. It stays set aside.
    NoBody,
    /// It is being handled.
    Running,
    /// There is no such dead letter.
    Unknown,
    /// Not now: too many deliveries at once, a shutdown, or the store is out of reach. It stays set aside.
    Busy,
}

impl Hooks {
    /// The events that were set aside; none if the store does not keep them.
    pub fn dead_letters(&self) -> Option<DeadLetters<'_>> {
        self.receiver
            .store
            .dead_letters()
            .map(|_| DeadLetters { hooks: self })
    }
}

impl DeadLetters<'_> {
    /// Up to `limit` of them, the latest first; with `before`, those that follow that place in the list. Perhaps fewer: the
    /// list has ended when none comes.
    ///
    /// A place outlives its letter: purge or replay what a page holds, and go on from its last
    /// [`cursor`](DeadRecord::cursor).
    ///
    /// # Errors
    ///
    /// The store is out of reach.
    pub async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        match self.letters() {
            Some(letters) => letters.list(before, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// The store is out of reach.
    pub async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        match self.letters() {
            Some(letters) => letters.get(record).await,
            None => Ok(None),
        }
    }

    /// Hands one of them to its handler again, now, as attempt 1. Of the delivery only the verified text is left: there
    /// are no headers. If it fails it is set aside again, whatever the error.
    ///
    /// # Errors
    ///
    /// The store is out of reach.
    pub async fn replay(&self, record: Key) -> Result<Replayed, StoreError> {
        let receiver = &self.hooks.receiver;
        let Some(letters) = self.letters() else {
            return Ok(Replayed::Unknown);
        };
        let Some(dead) = letters.get(record).await? else {
            return Ok(Replayed::Unknown);
        };
        let Some(body) = dead.letter.body else {
            return Ok(Replayed::NoBody);
        };
        let Ok(permit) = receiver.admit() else {
            return Ok(Replayed::Busy);
        };
        if !letters.release(record).await? {
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
                // The task was stopped with its runtime, or a `Drop` in the handler panicked.
                Progress::Waiting(task) => task.await.unwrap_or(Disposition::Failed),
            },
            Ok(Dispatched::Settled(disposition)) => disposition,
            // A replay has no headers that could contradict the body.
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

    /// Forgets one of them; false if there is no such dead letter, or it is being handled.
    ///
    /// # Errors
    ///
    /// The store is out of reach.
    pub async fn purge(&self, record: Key) -> Result<bool, StoreError> {
        match self.letters() {
            Some(letters) => letters.purge(record).await,
            None => Ok(false),
        }
    }

    fn letters(&self) -> Option<&dyn DeadLetterStore> {
        self.hooks.receiver.store.dead_letters()
    }
}
