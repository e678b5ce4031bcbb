//! Listing, replaying and purging dead letters.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::time::Instant;
use tracing::Instrument;

use super::arrival::{Arrival, Course};
use super::receiver::Hooks;
use super::work::Progress;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::observe::{IncidentKind, Report, delivery_span};
use crate::signature::VerifiedText;
use crate::store::{Cursor, DeadLetterStore, DeadRecord, LetterFilter, Purged, StoreError};

/// The dead letters of a receiver. Get it from [`Hooks::dead_letters`].
///
/// It sees the letters of the receiver's own [`source`](crate::HooksBuilder::source). The letters
/// of another source are reached by [`of`](DeadLetters::of).
#[derive(Clone, Debug)]
pub struct DeadLetters<'a> {
    hooks: &'a Hooks,
    source: String,
}

/// The result of a replay.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "a replay can fail: check the `disposition`, which tells the outcome"]
#[non_exhaustive]
pub struct Replayed {
    /// The outcome, which is true of the store.
    ///
    /// | disposition | meaning |
    /// | --- | --- |
    /// | `Handled`, `Ignored` | The handler succeeded. The dead letter is gone. |
    /// | `DeadLettered` | The handler failed. The dead letter is kept, with the new error. |
    /// | `NoHandler` | The router has no handler for the event. The dead letter is kept. |
    /// | `Duplicate` | There is no such dead letter (any more): it was handled or purged. |
    /// | `Later` | The handler did not run or did not end. The dead letter is kept. |
    pub disposition: Disposition,
    /// The error for which the dead letter is kept, or that of a store that fails after the run.
    /// `None` if no dead letter is left.
    pub error: Option<String>,
}

/// The options of [`DeadLetters::replay_all`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayAll {
    filter: LetterFilter,
    at_most: u32,
    dry_run: bool,
}

impl ReplayAll {
    /// Replays at most 100 of the dead letters that match the filter.
    pub fn new(filter: LetterFilter) -> Self {
        Self {
            filter,
            at_most: 100,
            dry_run: false,
        }
    }

    /// Sets the maximum number of replays. Default: 100.
    pub fn at_most(mut self, letters: u32) -> Self {
        self.at_most = letters;
        self
    }

    /// Only lists the records that would be replayed.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

/// Number of dead letters that are read at once.
const PAGE: u32 = 100;

impl Hooks {
    /// Returns the dead letters of the receiver. `None` if its store does not keep them.
    pub fn dead_letters(&self) -> Option<DeadLetters<'_>> {
        self.receiver.store.dead_letters().map(|_| DeadLetters {
            hooks: self,
            source: self.receiver.source.clone(),
        })
    }

    /// Ends the rest of an event, so its next delivery runs the handler at once. Returns `true` if
    /// the event rested.
    ///
    /// The record's key is in the log line of a delivery that was refused because the event rests.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.receiver.store.end_rest(record).await
    }
}

impl DeadLetters<'_> {
    /// Returns the dead letters of another source in the same store.
    ///
    /// A replay runs this receiver's handlers, and leaves the letter in its own source.
    pub fn of(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Returns each source in the store that has dead letters, with their number.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        match self.store() {
            Some(store) => store.sources().await,
            None => Ok(Vec::new()),
        }
    }

    /// Counts the dead letters that match the filter.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn count(&self, filter: &LetterFilter) -> Result<u64, StoreError> {
        match self.store() {
            Some(store) => store.count(&self.source, filter).await,
            None => Ok(0),
        }
    }

    /// Lists up to `limit` dead letters that match the filter, newest first.
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
    pub async fn list(
        &self,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        match self.store() {
            Some(store) => store.list(&self.source, filter, before, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns one dead letter. `None` if the source has no dead letter of this record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        match self.store() {
            Some(store) => store.get(&self.source, record).await,
            None => Ok(None),
        }
    }

    /// Runs the handler for one dead letter now, and waits for its end.
    ///
    /// The store keeps the verified text and the context, so the handler's
    /// [`Delivery`](crate::Delivery) has no headers. The event does not wait for the end of its
    /// rest. Any failure dead-letters the event again.
    ///
    /// # Errors
    ///
    /// The store failed before the handler was started.
    pub async fn replay(&self, record: Key) -> Result<Replayed, StoreError> {
        let Some(dead) = self.get(record).await? else {
            return Ok(Replayed {
                disposition: Disposition::Duplicate,
                error: None,
            });
        };
        let replay = async {
            let disposition = self.run(dead).await;
            let replayed = self.what_is_true(record, disposition).await;
            tracing::info!("replayed: {}", replayed.disposition);
            replayed
        };
        Ok(replay.instrument(delivery_span()).await)
    }

    /// The letter tells what became of the event, because another run can have superseded this one.
    async fn what_is_true(&self, record: Key, disposition: Disposition) -> Replayed {
        let kept = match disposition {
            Disposition::Handled | Disposition::Ignored => Ok(None),
            _ => self.get(record).await,
        };
        let (disposition, error) = match (disposition, kept) {
            (Disposition::Failed | Disposition::Later { .. }, Ok(None)) => (Disposition::Duplicate, None),
            (Disposition::Failed | Disposition::Duplicate, Ok(Some(dead))) => {
                let disposition = match dead.running {
                    true => Disposition::later(Why::Running),
                    false => Disposition::DeadLettered,
                };
                (disposition, Some(dead.letter.error))
            }
            (disposition, Ok(dead)) => (disposition, dead.map(|dead| dead.letter.error)),
            (Disposition::Failed | Disposition::Duplicate, Err(error)) => {
                (Disposition::later(Why::Store), Some(error.to_string()))
            }
            // The handler has run, so a store that fails now does not hide the disposition.
            (disposition, Err(error)) => (disposition, Some(error.to_string())),
        };
        Replayed { disposition, error }
    }

    /// Replays the dead letters that match, one after the other, and returns the outcome of each.
    ///
    /// The newest [`at_most`](ReplayAll::at_most) letters are replayed, the oldest of them first. A
    /// [dry run](ReplayAll::dry_run) returns the records without an outcome and changes nothing.
    ///
    /// # Errors
    ///
    /// The store failed. The letters that were not replayed are kept.
    pub async fn replay_all(&self, options: ReplayAll) -> Result<Vec<(Key, Option<Replayed>)>, StoreError> {
        let mut records = Vec::new();
        let mut before = None;
        while records.len() < options.at_most as usize {
            let left = options.at_most - records.len() as u32;
            let page = self.list(&options.filter, before, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.cursor);
            records.extend(page.iter().map(|dead| dead.record));
        }
        records.reverse();
        let mut replayed = Vec::with_capacity(records.len());
        for record in records {
            let outcome = if options.dry_run {
                None
            } else {
                Some(self.replay(record).await?)
            };
            replayed.push((record, outcome));
        }
        Ok(replayed)
    }

    /// Deletes one dead letter. The event counts as settled then, so neither Apideck nor a captured
    /// body can run it again while the store keeps its record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn purge(&self, record: Key) -> Result<Purged, StoreError> {
        let Some(store) = self.store() else {
            return Ok(Purged::Unknown);
        };
        let purged = store.purge(&self.source, record).await?;
        if purged == Purged::Yes {
            self.hooks
                .receiver
                .observers
                .incident(IncidentKind::Purged, None, None);
            tracing::warn!(%record, source = self.source, "a dead letter was purged");
        }
        Ok(purged)
    }

    async fn run(&self, dead: DeadRecord) -> Disposition {
        let receiver = &self.hooks.receiver;
        let permit = match receiver.admit() {
            Ok(permit) => permit,
            Err(why) => return Disposition::later(why),
        };
        let arrival = Arrival {
            headers: HeaderMap::new(),
            context: dead.letter.context,
            text: VerifiedText::kept(dead.letter.body),
            received_at: SystemTime::now(),
            now: Instant::now(),
            replayed: Some((dead.record, self.source.clone())),
            worker: None,
            permit,
            report: Report::default(),
        };
        match Arc::clone(&receiver.dispatch).dispatch(arrival).course {
            Course::Work(work) => match work.begin().await {
                Progress::Done(disposition) => disposition,
                // The runtime was shut down, or a `Drop` in the handler panicked.
                Progress::Waiting(mut waiting) => (&mut waiting.task)
                    .await
                    .unwrap_or(Disposition::later(Why::ShuttingDown)),
            },
            Course::Settled(disposition) => disposition,
            // Not reached, because a replay has no headers that could contradict the body.
            Course::Contradicted => Disposition::NoHandler,
        }
    }

    fn store(&self) -> Option<&dyn DeadLetterStore> {
        self.hooks.receiver.store.dead_letters()
    }
}
