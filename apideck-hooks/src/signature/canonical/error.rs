//! The error of a body that has no sorted form.

use std::fmt;

/// The reason why a body has no sorted form, with its position.
///
/// Either `JSON.parse` in JavaScript rejects the body, or the body exceeds a limit. The error
/// contains no part of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCanonical {
    kind: NotCanonicalKind,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotCanonicalKind {
    /// The body is longer than [`super::MAX_BYTES`].
    TooLong,
    /// The body is nested deeper than [`super::MAX_DEPTH`].
    TooDeep,
    NotUtf8,
    /// The body begins with a byte order mark, which `JSON.parse` rejects.
    ByteOrderMark,
    /// The body ends before its value does.
    Truncated,
    /// The grammar does not allow the byte at the position.
    Syntax,
}

impl NotCanonical {
    pub(super) fn new(kind: NotCanonicalKind, at: usize) -> Self {
        Self { kind, at }
    }

    /// Returns the position of the fault, in bytes from the beginning of the body.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Returns `true` if the body ends in the middle of a value, as a body that was cut does. An
    /// empty body counts as truncated.
    pub fn is_truncated(&self) -> bool {
        self.kind == NotCanonicalKind::Truncated
    }

    /// Returns `true` if the body begins with a UTF-8 byte order mark.
    pub fn is_byte_order_mark(&self) -> bool {
        self.kind == NotCanonicalKind::ByteOrderMark
    }

    /// Returns `true` if the body is not UTF-8. A compressed body is an example.
    pub fn is_not_utf8(&self) -> bool {
        self.kind == NotCanonicalKind::NotUtf8
    }

    /// Returns `true` if the body is longer than 512 MiB or nested deeper than 128 levels. It may
    /// be valid JSON.
    pub fn is_limit(&self) -> bool {
        matches!(self.kind, NotCanonicalKind::TooLong | NotCanonicalKind::TooDeep)
    }
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            NotCanonicalKind::TooLong => write!(f, "the body is longer than {} bytes", super::MAX_BYTES),
            NotCanonicalKind::TooDeep => write!(
                f,
                "the body is nested deeper than {} levels at byte {at}",
                super::MAX_DEPTH
            ),
            NotCanonicalKind::NotUtf8 => write!(f, "the body is not UTF-8 at byte {at}"),
            NotCanonicalKind::ByteOrderMark => f.write_str("the body begins with a byte order mark"),
            NotCanonicalKind::Truncated => write!(f, "the body ends in the middle of JSON at byte {at}"),
            NotCanonicalKind::Syntax => write!(f, "the body is not JSON at byte {at}"),
        }
    }
}

impl std::error::Error for NotCanonical {}

/// The error of a function that reads a token. `Sorter::fault` holds the reason.
///
/// It is empty, so that the function's result fits into a register, which makes reading faster.
pub(super) struct Stop;
