//! Why a body has no sorted text.

use std::fmt;

/// The body has no sorted text: it is not the JSON that JavaScript's `JSON.parse` reads, or it is past a limit.
///
/// It says what was wrong and where, never what the body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCanonical {
    kind: NotCanonicalKind,
    at: usize,
}

/// Reading ended here; `Sorter::fault` says why. Nothing in it, so that it comes back in a register from every token.
pub(super) struct Stop;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotCanonicalKind {
    /// Longer than [`super::MAX_BYTES`].
    Long,
    /// More levels than [`super::MAX_DEPTH`].
    Deep,
    /// Not UTF-8.
    Utf8,
    /// Begins with a byte order mark, which `JSON.parse` refuses.
    Mark,
    /// The text ends before the value does.
    End,
    /// A byte that the grammar does not allow there.
    Syntax,
}

impl NotCanonical {
    pub(crate) fn new(kind: NotCanonicalKind, at: usize) -> Self {
        Self { kind, at }
    }

    /// Where it went wrong, in bytes from the beginning of the body.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Whether the body ends in the middle of a value, as a body that was cut short does. An empty body does too.
    pub fn is_truncated(&self) -> bool {
        self.kind == NotCanonicalKind::End
    }

    /// Whether the body begins with a UTF-8 byte order mark.
    pub fn is_byte_order_mark(&self) -> bool {
        self.kind == NotCanonicalKind::Mark
    }

    /// Whether the body is not UTF-8, as a compressed body is not.
    pub fn is_not_utf8(&self) -> bool {
        self.kind == NotCanonicalKind::Utf8
    }

    /// Whether the body may be good JSON, but is nested too deeply or too long to be sorted.
    pub fn is_limit(&self) -> bool {
        matches!(self.kind, NotCanonicalKind::Long | NotCanonicalKind::Deep)
    }
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            NotCanonicalKind::Long => write!(f, "the body is longer than {} bytes", super::MAX_BYTES),
            NotCanonicalKind::Deep => write!(
                f,
                "the body is nested deeper than {} levels at byte {at}",
                super::MAX_DEPTH
            ),
            NotCanonicalKind::Utf8 => write!(f, "the body is not UTF-8 at byte {at}"),
            NotCanonicalKind::Mark => f.write_str("the body begins with a byte order mark"),
            NotCanonicalKind::End => write!(f, "the body ends in the middle of JSON at byte {at}"),
            NotCanonicalKind::Syntax => write!(f, "the body is not JSON at byte {at}"),
        }
    }
}

impl std::error::Error for NotCanonical {}
