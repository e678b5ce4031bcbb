//! A text that may be a piece of the verified one.

use bytes::Bytes;
use std::ops::Range;

/// A text, or where in the verified one it stands. Not a part of the verified text's `Bytes`: each would be counted, in and out.
#[derive(Clone)]
pub(crate) enum Piece {
    Within(Range<usize>),
    Own(String),
}

impl Piece {
    /// `piece` was read from `text`; it is copied if it stands elsewhere.
    pub(crate) fn of(text: &Bytes, piece: &str) -> Self {
        let start = piece.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        match start.checked_add(piece.len()) {
            Some(end) if end <= text.len() => Piece::Within(start..end),
            _ => Piece::Own(piece.to_owned()),
        }
    }

    /// The text; `text` is the one that it is a piece of.
    pub(crate) fn as_str<'a>(&'a self, text: &'a [u8]) -> &'a str {
        match self {
            // It was made from a text.
            Piece::Within(range) => {
                let piece = text.get(range.clone()).unwrap_or_default();
                std::str::from_utf8(piece).unwrap_or_default()
            }
            Piece::Own(own) => own,
        }
    }
}

impl Default for Piece {
    fn default() -> Self {
        Piece::Own(String::new())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Piece::Own(text)
    }
}
