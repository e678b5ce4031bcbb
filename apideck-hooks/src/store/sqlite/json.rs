//! JSON arrays for statements on any number of rows.

use std::fmt::Write;

use crate::delivery::Key;

/// Writes keys as a JSON array.
pub(super) fn keys(keys: impl Iterator<Item = Key>) -> String {
    array(keys, |text, key| write!(text, "\"{key}\""))
}

/// Writes an array of these items.
pub(super) fn array<T>(
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut String, T) -> std::fmt::Result,
) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        // Writing to a string does not fail.
        let _ = write(&mut text, item);
    }
    text.push(']');
    text
}
