//! The type of texts that may reach a handler or a store.

use std::ops::Deref;

use bytes::Bytes;

/// A text whose signature was verified, in this request or before a store kept it.
///
/// All code after the verifier takes this type and not plain bytes. So an unverified body cannot
/// reach a handler or a store.
#[derive(Clone)]
pub(crate) struct VerifiedText(Bytes);

impl VerifiedText {
    /// Wraps a text that the verifier has just accepted.
    pub(super) fn new(text: Bytes) -> Self {
        Self(text)
    }

    /// Wraps a text that was verified earlier and comes from a store, or that a test made.
    pub(crate) fn kept(text: Bytes) -> Self {
        Self(text)
    }
}

impl Deref for VerifiedText {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}
