//! Deserializing a string without copying it.

use std::fmt;

use serde::de::{Error, Visitor};

/// A visitor that gives a string to a function. The deserializer lends the string, so it is not
/// copied.
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
