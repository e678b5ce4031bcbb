//! A body that is Apideck's.

use bytes::Bytes;

use super::Form;

/// A signed text.
#[derive(Clone)]
pub(super) enum Signed<'a> {
    /// The body. Not a clone of it, which would cost two atomic operations.
    Body(&'a Bytes),
    New(Bytes),
}

/// A text whose signature was right. It borrows the body if that is the text.
///
/// Parse this text and not the body: what a sorted text leaves out, such as all but the last of several equal keys, nobody
/// has signed.
#[derive(Clone)]
pub struct Verified<'a> {
    pub(super) text: Signed<'a>,
    pub(super) form: Form,
    pub(super) secret: usize,
}

impl Verified<'_> {
    /// The text that was signed. For [`Form::Raw`] it is the body that was handed in, not a copy.
    pub fn text(&self) -> &Bytes {
        match &self.text {
            Signed::Body(body) => body,
            Signed::New(text) => text,
        }
    }

    /// Which text of the body was signed. A body whose texts are the same counts as the first of [`Form::Raw`],
    /// [`Form::Sorted`] and [`Form::SortedInArrays`] that it is and that is accepted.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Which secret it was signed with: the position in the list that the verifier was made of, from 0.
    pub fn secret_index(&self) -> usize {
        self.secret
    }

    /// The text that was signed, if it is another one than the body.
    pub(super) fn into_new_text(self) -> Option<Bytes> {
        match self.text {
            Signed::Body(_) => None,
            Signed::New(text) => Some(text),
        }
    }

    /// The text that was signed, to keep.
    pub fn into_text(self) -> Bytes {
        match self.text {
            Signed::Body(body) => body.clone(),
            Signed::New(text) => text,
        }
    }
}

/// Without the text, which may hold an end user's credentials.
impl std::fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("text", &format_args!("{} bytes", self.text().len()))
            .field("form", &self.form)
            .field("secret_index", &self.secret)
            .finish()
    }
}
