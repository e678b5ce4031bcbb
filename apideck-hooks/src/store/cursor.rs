//! Positions in the list of dead letters.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::delivery::Key;

/// A position in the list of dead letters.
///
/// `Display` and `FromStr` write and read it as text, for a URL or a command line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct Cursor {
    /// Time at which the event was dead-lettered, in microseconds since the start of 1970 by the
    /// store's clock.
    pub at: i64,
    /// The record, which orders dead letters with equal times.
    pub record: Key,
}

impl Cursor {
    /// Makes a cursor.
    pub fn new(at: i64, record: Key) -> Self {
        Self { at, record }
    }

    /// Returns the time as the standard library has it.
    pub(super) fn time(&self) -> SystemTime {
        let length = Duration::from_micros(self.at.unsigned_abs());
        let time = match self.at < 0 {
            true => UNIX_EPOCH.checked_sub(length),
            false => UNIX_EPOCH.checked_add(length),
        };
        time.unwrap_or(UNIX_EPOCH)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at, self.record)
    }
}

/// The error of a text that is not a [`Cursor`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseCursorError(());

impl fmt::Display for ParseCursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor is a number, a hyphen and 32 hexadecimal digits")
    }
}

impl std::error::Error for ParseCursorError {}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        // From the right, because the number can be negative.
        let (at, record) = text.rsplit_once('-').ok_or(ParseCursorError(()))?;
        Ok(Self {
            at: at.parse().map_err(|_: ParseIntError| ParseCursorError(()))?,
            record: record.parse().map_err(|_| ParseCursorError(()))?,
        })
    }
}

/// Serialises the text of `Display`.
impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_printed() {
        for at in [i64::MIN, -1, 0, 1_700_000_000_000_000, i64::MAX] {
            let cursor = Cursor::new(at, Key::from_bytes([7; 16]));
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "-", "1", "1-", "x-07", "1-07"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }
}
