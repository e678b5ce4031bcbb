//! Reading a string without a copy.

use serde::de::{Error, Visitor};
use std::fmt;

/// Reads a string. The reader lends it, so that no copy is made.
pub(crate) struct TextVisitor<F>(pub(crate) F);

impl<'de, T, F: FnOnce(&str) -> T> Visitor<'de> for TextVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}
