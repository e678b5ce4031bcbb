//! A dead-lettered event.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::cursor::Cursor;
use crate::delivery::{Context, Key};

/// A dead-lettered event: its body and the error. `Debug` does not print the body.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The receiver's [`source`](crate::HooksBuilder::source).
    pub source: String,
    /// Name of the event. Empty for a body that is not an event.
    pub event_type: String,
    /// The event's `event_id`. Empty if it has none.
    pub event_id: String,
    /// The event's `entity_id`. Empty if it has none.
    pub entity_id: String,
    /// The event's consumer. Empty if it has none.
    pub consumer_id: String,
    /// The error for which the event was dead-lettered, at most [`DeadLetter::MAX_ERROR`] bytes.
    pub error: String,
    /// The user's own values, from [`HooksBuilder::context`](crate::HooksBuilder::context).
    pub context: Context,
    /// The verified text. **It may hold end-user credentials.**
    pub body: Bytes,
}

impl DeadLetter {
    /// Maximum length of the error in bytes. A longer error is cut.
    pub const MAX_ERROR: usize = 4096;
    /// Maximum length of a name or an id in bytes. A longer one is cut.
    pub const MAX_ID: usize = 1024;
    /// Maximum length of a body that a store of this crate keeps, in bytes. A store has no room for
    /// a longer one.
    pub const MAX_BODY: usize = 16 * 1024 * 1024;

    /// Makes the dead letter of a body. The other fields are empty.
    pub fn new(source: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            source: source.into(),
            event_type: String::new(),
            event_id: String::new(),
            entity_id: String::new(),
            consumer_id: String::new(),
            error: String::new(),
            context: Context::default(),
            body: body.into(),
        }
    }

    /// Sets the error, and cuts it at [`DeadLetter::MAX_ERROR`].
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = cut(error.into(), Self::MAX_ERROR);
        self
    }

    /// Sets the names and ids, and cuts each at [`DeadLetter::MAX_ID`].
    pub fn event(
        mut self,
        event_type: impl Into<String>,
        event_id: impl Into<String>,
        entity_id: impl Into<String>,
        consumer_id: impl Into<String>,
    ) -> Self {
        self.event_type = cut(event_type.into(), Self::MAX_ID);
        self.event_id = cut(event_id.into(), Self::MAX_ID);
        self.entity_id = cut(entity_id.into(), Self::MAX_ID);
        self.consumer_id = cut(consumer_id.into(), Self::MAX_ID);
        self
    }

    /// Sets the context.
    pub fn context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }
}

fn cut(mut text: String, longest: usize) -> String {
    text.truncate(text.floor_char_boundary(longest));
    text
}

/// A record with its dead letter.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DeadRecord {
    /// Key of the record, for the other calls.
    pub record: Key,
    /// Position in the list.
    pub cursor: Cursor,
    /// Number of attempts.
    pub attempts: u32,
    /// `true` while a handler runs for the event.
    pub running: bool,
    /// The dead letter.
    pub letter: DeadLetter,
}

impl DeadRecord {
    /// Makes a record that was dead-lettered at this time, in microseconds since the start of 1970.
    pub fn new(record: Key, at: i64, attempts: u32, running: bool, letter: DeadLetter) -> Self {
        Self {
            record,
            cursor: Cursor { at, record },
            attempts,
            running,
            letter,
        }
    }

    /// Returns the time at which the event was dead-lettered, by the store's clock.
    pub fn since(&self) -> SystemTime {
        self.cursor.time()
    }
}

/// Serialises all fields but the body, because the body may hold credentials.
impl Serialize for DeadRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let letter = &self.letter;
        let mut fields = serializer.serialize_struct("DeadRecord", 13)?;
        fields.serialize_field("record", &self.record)?;
        fields.serialize_field("cursor", &self.cursor)?;
        fields.serialize_field("since_microseconds", &self.cursor.at)?;
        fields.serialize_field("attempts", &self.attempts)?;
        fields.serialize_field("running", &self.running)?;
        fields.serialize_field("source", &letter.source)?;
        fields.serialize_field("event_type", &letter.event_type)?;
        fields.serialize_field("event_id", &letter.event_id)?;
        fields.serialize_field("entity_id", &letter.entity_id)?;
        fields.serialize_field("consumer_id", &letter.consumer_id)?;
        fields.serialize_field("error", &letter.error)?;
        fields.serialize_field("context", &letter.context)?;
        fields.serialize_field("body_bytes", &letter.body.len())?;
        fields.end()
    }
}

/// Prints the body's length only, because the body may hold credentials.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("source", &self.source)
            .field("event_type", &self.event_type)
            .field("event_id", &self.event_id)
            .field("entity_id", &self.entity_id)
            .field("consumer_id", &self.consumer_id)
            .field("error", &self.error)
            .field("context", &self.context)
            .field("body", &format_args!("<{} bytes>", self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let letter = DeadLetter::new("s", "").error("é".repeat(DeadLetter::MAX_ERROR));
        assert_eq!(letter.error.len(), DeadLetter::MAX_ERROR);
        let letter = letter.event("é".repeat(1000), "", "", "");
        assert_eq!(letter.event_type.len(), DeadLetter::MAX_ID);
    }

    #[test]
    fn neither_debug_nor_json_shows_the_body() {
        let letter = DeadLetter::new("s", "secret");
        let record = DeadRecord::new(Key::from_bytes([1; 16]), 1, 2, false, letter);
        assert!(!format!("{record:?}").contains("secret"));
        let json = serde_json::to_string(&record).unwrap();
        assert!(
            !json.contains("secret") && json.contains(r#""body_bytes":6"#),
            "{json}"
        );
    }
}
