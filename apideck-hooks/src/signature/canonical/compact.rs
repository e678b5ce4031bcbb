//! The compact text of a body: its tokens as JavaScript prints them, without whitespace, in the
//! body's own order.
//!
//! # How it works
//!
//! Apideck sends compact JSON, so most bodies are their own compact text. Nothing is copied before
//! the first replacement. From then on `written` is the compact text of the first `copied` bytes of
//! the body, and the rest of the body follows it.
//!
//! `shift` turns a position in the body into one in the compact text. It is the difference between
//! the two at the end of the last replacement, and is often negative. So it is kept as a `usize`
//! that wraps around.

use std::borrow::Cow;

/// The compact text of a body, made while the body is read.
///
/// Its positions fit into a `u32`. The longest body has 2^29 bytes ([`super::MAX_BYTES`]). The text
/// is at most 4.4 times as long, because the five bytes `1e20,` become 21 digits and a comma.
pub(super) struct CompactText<'a> {
    source: &'a [u8],
    /// Empty before the first replacement.
    written: Vec<u8>,
    copied: usize,
    shift: usize,
}

impl<'a> CompactText<'a> {
    pub(super) fn new(source: &'a [u8]) -> Self {
        Self {
            source,
            written: Vec::new(),
            copied: 0,
            shift: 0,
        }
    }

    /// Returns the position in the compact text of the body's byte `at`. No byte from `at` on may
    /// have been replaced.
    #[inline]
    pub(super) fn position(&self, at: usize) -> u32 {
        at.wrapping_add(self.shift) as u32
    }

    /// Replaces the body's bytes `from..to` by `text`. Replacements must come in ascending order.
    pub(super) fn replace(&mut self, from: usize, to: usize, text: &[u8]) {
        if self.copied == 0 {
            self.written.reserve(self.source.len());
        }
        self.written.extend_from_slice(&self.source[self.copied..from]);
        self.written.extend_from_slice(text);
        self.copied = to;
        self.shift = self.written.len().wrapping_sub(to);
    }

    /// Returns the compact text of the whole body. It is the body itself if nothing was replaced.
    pub(super) fn finish(mut self) -> Cow<'a, [u8]> {
        if self.copied == 0 {
            return Cow::Borrowed(self.source);
        }
        self.written.extend_from_slice(&self.source[self.copied..]);
        Cow::Owned(self.written)
    }
}
