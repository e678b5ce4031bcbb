//! A text that may be a piece of the verified one.

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;
use std::fmt;

/// As it stands in the text, unless something in it is escaped. `null` is the empty one.
#[derive(Default)]
pub(super) struct Borrowed<'a>(pub(super) Cow<'a, str>);

/// The same, which keeps what it is a piece of.
#[derive(Clone, Default)]
pub(crate) struct Piece(Bytes);

impl Borrowed<'_> {
    /// `text` is what it was read from.
    pub(super) fn keep(&self, text: &Bytes) -> Piece {
        match &self.0 {
            Cow::Borrowed(piece) => Piece(text.slice_ref(piece.as_bytes())),
            Cow::Owned(own) => Piece::from(own.clone()),
        }
    }
}

impl Piece {
    pub(crate) fn as_str(&self) -> &str {
        // It was made from one.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Piece(text.into())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Borrowed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BorrowedVisitor)
    }
}

struct BorrowedVisitor;

impl<'de> Visitor<'de> for BorrowedVisitor {
    type Value = Borrowed<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Borrowed(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Borrowed(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Borrowed::default())
    }
}
