//! Dead-lettered events, which a durable store keeps.

use async_trait::async_trait;

use super::cursor::Cursor;
use super::dead_letter::DeadRecord;
use super::error::StoreError;
use super::letter_filter::LetterFilter;
use super::values::{Claim, Verdict};
use crate::delivery::Key;

/// The dead letters of a store.
///
/// A dead letter is kept from the moment at which it is written until its record becomes `DONE`. So
/// a crash during a replay loses nothing. Each operation sees the letters of one source only.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// Lists up to `limit` dead letters that match the filter, newest first.
    ///
    /// With `before`, the list continues after that cursor. A page can be shorter than `limit`. An
    /// empty page is the end of the list.
    ///
    /// A cursor stays valid when its dead letter is handled, purged or dead-lettered again. The
    /// pages after it hold the events that were dead-lettered before it, each once. An event that
    /// is dead-lettered later comes before the cursor.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError>;

    /// Counts the dead letters that match the filter.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError>;

    /// Returns each source that has dead letters, with their number.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError>;

    /// Returns the record with its dead letter. `None` if the source has no such dead letter.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError>;

    /// Claims the record [`Claim::event`] for a replay of its dead letter.
    ///
    /// The alias and the last delivery of the claim are not used, and a rest is not waited for.
    /// Otherwise the claim is made as in [`Store::claim`](super::Store::claim). While the run
    /// lasts, `Store::claim` gives the same grant to the same claim id too. The verdict is
    /// [`Granted`](Verdict::Granted) or [`Running`](Verdict::Running). Returns `None` and changes
    /// nothing if the source has no such dead letter.
    ///
    /// # Errors
    ///
    /// The store failed. The claim may have been granted all the same.
    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError>;

    /// Deletes a dead letter. Its record becomes `DONE` under a greater token, so that a captured
    /// body cannot run the event again.
    ///
    /// # Errors
    ///
    /// The store failed. The letter may have been deleted all the same.
    async fn purge(&self, source: &str, record: Key) -> Result<Purged, StoreError>;
}

/// The result of a purge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Purged {
    /// The dead letter was deleted.
    Yes,
    /// A handler is running for the event. Nothing was changed.
    Busy,
    /// The source has no such dead letter.
    Unknown,
}
