//! Dead-lettered events, which a durable store keeps.

use std::fmt;
use std::time::SystemTime;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;

use super::error::StoreError;
use crate::delivery::Key;
use crate::payload::{Parsed, parse};
use crate::signature::VerifiedText;

/// The dead letters of a store.
///
/// A dead letter is kept from the moment at which its record becomes `DEAD` until the record
/// becomes `DONE` or is purged. So a crash during a replay loses nothing.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// Lists up to `limit` dead letters, newest first.
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
    async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError>;

    /// Returns the record with its dead letter. `None` if the record has no dead letter.
    ///
    /// # Errors
    ///
    /// The store failed.
    async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError>;

    /// Makes a record with a dead letter claimable.
    ///
    /// The record becomes `RELEASED` with 0 attempts, and keeps its token and its dead letter.
    /// Returns `false` and changes nothing if the record has no dead letter, if the dead letter has
    /// no body, or if the record is `RUNNING` under a lease that has not ended.
    ///
    /// # Errors
    ///
    /// The store failed. The record may have been released all the same.
    async fn release(&self, record: Key) -> Result<bool, StoreError>;

    /// Deletes a record with a dead letter. If the event is delivered again, it is a new event.
    ///
    /// Returns `false` and changes nothing if the record has no dead letter, or is `RUNNING` under
    /// a lease that has not ended.
    ///
    /// # Errors
    ///
    /// The store failed. The record may have been deleted all the same.
    async fn purge(&self, record: Key) -> Result<bool, StoreError>;
}

/// A dead-lettered event: its body and the error. `Debug` does not print the body.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The receiver's [`source`](crate::HooksBuilder::source).
    pub source: String,
    /// Name of the event. Empty for a body that is not an event.
    pub event_type: String,
    /// The event's `event_id`. Empty if it has none.
    pub event_id: String,
    /// The error for which the event was dead-lettered, at most [`DeadLetter::MAX_ERROR`] bytes.
    pub error: String,
    /// The verified text. `None` if it was too large for the store. **It may hold end-user
    /// credentials.**
    pub body: Option<Bytes>,
}

impl DeadLetter {
    /// Maximum length of the error in bytes. A longer error is cut.
    pub const MAX_ERROR: usize = 4096;

    /// Makes the dead letter of a verified text. The text is parsed again for the event's name and
    /// id, because only dead letters need them as strings.
    pub(crate) fn new(source: &str, text: &VerifiedText, mut error: String) -> Self {
        error.truncate(error.floor_char_boundary(Self::MAX_ERROR));
        let (event_type, event_id) = match parse(text) {
            Parsed::Event {
                event_type, identity, ..
            } => (event_type.to_string(), identity.event_id.as_str(text).to_owned()),
            Parsed::NoEvent => Default::default(),
        };
        Self {
            source: source.to_owned(),
            event_type,
            event_id,
            error,
            body: Some(Bytes::clone(text)),
        }
    }

    /// Removes a body that is longer than `longest_body` bytes, and says so in the error.
    pub fn fit(mut self, longest_body: usize) -> Self {
        if let Some(body) = &self.body
            && body.len() > longest_body
        {
            self.error = format!(
                "the body was too large to keep ({} bytes); {}",
                body.len(),
                self.error
            );
            self.body = None;
        }
        self.error
            .truncate(self.error.floor_char_boundary(Self::MAX_ERROR));
        self
    }
}

/// A position in the list of dead letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cursor {
    /// The position, in a unit of the store's own. A newer dead letter has a greater one.
    pub at: i64,
    /// The record, which orders dead letters with equal positions.
    pub record: Key,
}

/// A record with its dead letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadRecord {
    /// Key of the record, for the other calls.
    pub record: Key,
    /// Position in the list.
    pub cursor: Cursor,
    /// Number of attempts.
    pub attempts: u32,
    /// Time at which the event was dead-lettered, by the store's clock.
    pub since: SystemTime,
    /// The dead letter.
    pub letter: DeadLetter,
}

/// Prints the body's length only, because the body may hold credentials.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("source", &self.source)
            .field("event_type", &self.event_type)
            .field("event_id", &self.event_id)
            .field("error", &self.error)
            .field(
                "body",
                &self.body.as_ref().map(|body| format!("<{} bytes>", body.len())),
            )
            .finish()
    }
}

/// Converts microseconds since the start of 1970 into a time.
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
pub(super) fn since_epoch(microseconds: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_micros(microseconds.try_into().ok()?))
}
