//! Strings that are parts of the verified text.

use std::ops::Range;

use bytes::Bytes;

/// A string, kept as a range of the verified text if it is a part of it.
///
/// It is a range and not a slice of the text's `Bytes`, because making and dropping each slice
/// would change the shared reference count.
#[derive(Clone)]
pub(crate) enum Piece {
    /// The bytes of the string in the verified text.
    Within(Range<usize>),
    /// A copy. The verified text has the string only with escapes, or not at all.
    Own(String),
}

impl Piece {
    /// Keeps `piece`, which was read from `text`. Copies it if it is not a part of `text`.
    pub(crate) fn of(text: &Bytes, piece: &str) -> Self {
        // The addresses decide, because a JSON reader lends a part of `text` or of its own buffer.
        let start = piece.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        match start.checked_add(piece.len()) {
            Some(end) if end <= text.len() => Self::Within(start..end),
            _ => Self::Own(piece.to_owned()),
        }
    }

    /// Returns the string. `text` must be the text that was given to [`of`](Self::of).
    pub(crate) fn as_str<'a>(&'a self, text: &'a [u8]) -> &'a str {
        match self {
            // `of` made the range from a string inside of the text, so neither default is used.
            Self::Within(range) => {
                let piece = text.get(range.clone()).unwrap_or_default();
                std::str::from_utf8(piece).unwrap_or_default()
            }
            Self::Own(own) => own,
        }
    }
}

impl Default for Piece {
    fn default() -> Self {
        Self::Own(String::new())
    }
}
