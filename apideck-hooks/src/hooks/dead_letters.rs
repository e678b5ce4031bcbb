//! Looking into what was set aside, and handling it after all.

use super::{Arrival, Begun, Hooks, Phase};
use crate::delivery::Key;
use crate::idempotency::{self, Cursor, DeadRecord, StoreError};
use crate::service::{Answer, Later};
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
        self.edge
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
        let edge = &self.hooks.edge;
        let Some(letters) = self.letters() else {
            return Ok(Replayed::Unknown);
        };
        let Some(dead) = letters.get(record).await? else {
            return Ok(Replayed::Unknown);
        };
        let Some(text) = dead.letter.body else {
            return Ok(Replayed::NoBody);
        };
        let Ok(permit) = Arc::clone(&edge.permits).try_acquire_owned() else {
            return Ok(Replayed::Busy);
        };
        if *edge.phase.borrow() != Phase::Open {
            return Ok(Replayed::Busy);
        }
        if !letters.release(record).await? {
            return Ok(Replayed::Running);
        }
        let arrival = Arrival {
            headers: HeaderMap::new(),
            text,
            received_at: SystemTime::now(),
            now: Instant::now(),
            record: Some(record),
            permit,
        };
        let answer = match Arc::clone(&edge.engine).take(arrival) {
            Ok(work) => match work.begin().await {
                Begun::Done(answer) => Ok(answer),
                Begun::Waiting(task) => task.await,
            },
            Err(answer) => Ok(answer),
        };
        Ok(match answer {
            Ok(Answer::Handled | Answer::Duplicate) => Replayed::Done,
            // Remembered if its handler said so; without a handler nothing was recorded.
            Ok(Answer::Ignored) if letters.get(record).await?.is_some() => Replayed::NoHandler,
            Ok(Answer::Ignored) => Replayed::Done,
            Ok(Answer::Later(Later::Running, _)) => Replayed::Running,
            Ok(Answer::Later(..)) => Replayed::Busy,
            Ok(_) | Err(_) => Replayed::Failed,
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

    fn letters(&self) -> Option<&dyn idempotency::DeadLetters> {
        self.hooks.edge.store.dead_letters()
    }
}
