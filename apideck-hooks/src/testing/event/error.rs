//! The error of an event that cannot be made.

use std::fmt;

/// The error of an event that cannot be made or changed as wished.
///
/// Its text tells the near names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventError(String);

impl EventError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EventError {}
