//! The body with every token as JavaScript prints it, still in the body's own order.
//!
//! As long as nothing has to be rewritten this is the body itself, and nothing is copied.

use std::borrow::Cow;

/// The body's tokens as JavaScript prints them, without whitespace between them.
///
/// Positions in it are `u32`: the longest body ([`super::MAX_BYTES`], 2^29) grows at most 4.4-fold
/// (`1e20,` becomes 21 digits and a comma), which stays below 2^32.
pub(super) struct Plain<'a> {
    source: &'a [u8],
    /// What was written so far; empty while the source can stand for it.
    written: Vec<u8>,
    /// How much of the source `written` stands for. The source after it is taken over as it is.
    taken: usize,
    /// What is added to a position in the source, around zero, to get the one in the plain text.
    shift: usize,
}

impl<'a> Plain<'a> {
    pub(super) fn new(source: &'a [u8]) -> Self {
        Self {
            source,
            written: Vec::new(),
            taken: 0,
            shift: 0,
        }
    }

    /// The position in the plain text of the source's byte `at`, which has not been replaced.
    #[inline]
    pub(super) fn position(&self, at: usize) -> u32 {
        at.wrapping_add(self.shift) as u32
    }

    /// Puts `text` in the place of the source's bytes `from..to`. Replacements come in ascending order.
    pub(super) fn replace(&mut self, from: usize, to: usize, text: &[u8]) {
        if self.taken == 0 {
            self.written.reserve(self.source.len());
        }
        self.written.extend_from_slice(&self.source[self.taken..from]);
        self.written.extend_from_slice(text);
        self.taken = to;
        self.shift = self.written.len().wrapping_sub(to);
    }

    /// The whole plain text: borrowed when nothing was replaced.
    pub(super) fn finish(mut self) -> Cow<'a, [u8]> {
        if self.taken == 0 {
            return Cow::Borrowed(self.source);
        }
        self.written.extend_from_slice(&self.source[self.taken..]);
        Cow::Owned(self.written)
    }
}
