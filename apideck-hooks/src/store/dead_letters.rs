//! Events that were set aside, kept by a durable store.

use super::error::StoreError;
use crate::delivery::Key;
use crate::payload::{Parsed, parse};
use crate::signature::VerifiedText;
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use std::time::SystemTime;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
use std::time::{Duration, UNIX_EPOCH};

/// The events that a store has set aside, with what is needed to look into them and to handle them after all.
///
/// A letter is kept from the moment its record becomes `DEAD` until the record is `DONE` or purged, so that a crash in the
/// middle of a replay loses nothing.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// Up to `limit` of them, the latest first; with `before`, those that follow that place in the list. Perhaps fewer: the
    /// list has ended when none comes.
    ///
    /// A place outlives its letter: whether that is still there, was handled, purged, or set aside anew meanwhile, what
    /// follows is what was set aside before it, each once. What is set aside meanwhile, anew or not, comes before it.
    async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError>;

    /// One of them; none if the record has no letter.
    async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError>;

    /// Makes a record that has a letter claimable: `RELEASED`, with no attempt used up, its token kept. False if it has
    /// none, its letter has no body, or it is `RUNNING` under a lease.
    async fn release(&self, record: Key) -> Result<bool, StoreError>;

    /// Forgets a record that has a letter; false if it has none, or is `RUNNING` under a lease. The event is new if it
    /// comes again.
    async fn purge(&self, record: Key) -> Result<bool, StoreError>;
}

/// What is kept of an event that is set aside.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The receiver's namespace.
    pub source: String,
    /// What happened; empty for a body that is no event.
    pub event_type: String,
    /// Unique reference to the event; empty when it has none.
    pub event_id: String,
    /// Why it was set aside, at most [`DeadLetter::MAX_ERROR`] bytes.
    pub error: String,
    /// The verified text; none if it was too large for the store to keep. **May hold end-user credentials.**
    pub body: Option<Bytes>,
}

impl DeadLetter {
    /// The longest error that is kept, in bytes; the rest is cut.
    pub const MAX_ERROR: usize = 4096;

    /// The letter for a verified text. It is read again for its name and id: that is rarely needed.
    pub(crate) fn new(source: &str, text: &VerifiedText, mut error: String) -> Self {
        error.truncate(error.floor_char_boundary(DeadLetter::MAX_ERROR));
        let (event_type, event_id) = match parse(text) {
            Parsed::Event {
                event_type, identity, ..
            } => (event_type.to_string(), identity.event_id.as_str(text).to_owned()),
            Parsed::NoEvent => Default::default(),
        };
        DeadLetter {
            source: source.to_owned(),
            event_type,
            event_id,
            error,
            body: Some(Bytes::clone(text)),
        }
    }

    /// The letter without its body if that is longer than this, which its error says then.
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
            .truncate(self.error.floor_char_boundary(DeadLetter::MAX_ERROR));
        self
    }
}

/// A place in the list of dead letters, to go on from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cursor {
    /// Where it is: the latest is the greatest. What is measured is the store's own.
    pub at: i64,
    /// Whose place it is, among those with the same measure.
    pub record: Key,
}

/// A record with its letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadRecord {
    /// Its name, for the other calls.
    pub record: Key,
    /// Its place in the list.
    pub cursor: Cursor,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was set aside, by the store's clock.
    pub since: SystemTime,
    /// What is kept of it.
    pub letter: DeadLetter,
}

/// Not the body.
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

/// The time that a store keeps in microseconds after 1970.
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
pub(super) fn since_epoch(microseconds: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_micros(microseconds.try_into().ok()?))
}
