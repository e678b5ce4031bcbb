//! The only text that is handed on.

use bytes::Bytes;
use std::ops::Deref;

/// A text whose signature was verified, now or before a store kept it.
///
/// Everything behind the verifier takes this type instead of plain bytes, so that no unverified body reaches a handler
/// or a store.
#[derive(Clone)]
pub(crate) struct VerifiedText(Bytes);

impl VerifiedText {
    /// A text that the verifier has accepted.
    pub(super) fn new(text: Bytes) -> Self {
        Self(text)
    }

    /// A text that was verified earlier and comes back from a store, or is made by a test.
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
