//! The result of a successful verification.

use std::fmt;

use bytes::Bytes;

use super::Form;

/// A text with a valid signature. It borrows the body if the body itself was signed.
///
/// Parse this text and not the body. A sorted form leaves out parts of the body, such as all but
/// the last of several equal keys. Those parts are not signed.
#[derive(Clone)]
pub struct Verified<'a> {
    pub(super) text: SignedText<'a>,
    pub(super) form: Form,
    pub(super) secret: usize,
}

impl Verified<'_> {
    /// Returns the signed text. For [`Form::Raw`] it is the given body and not a copy.
    pub fn text(&self) -> &Bytes {
        match &self.text {
            SignedText::Body(body) => body,
            SignedText::New(text) => text,
        }
    }

    /// Returns the signed text as an owned value. For [`Form::Raw`] it shares the body's memory.
    pub fn into_text(self) -> Bytes {
        match self.text {
            SignedText::Body(body) => body.clone(),
            SignedText::New(text) => text,
        }
    }

    /// Returns the form that was signed.
    ///
    /// Several forms of a body can be the same bytes. Then this is one of them. It is [`Form::Raw`]
    /// if the body itself was signed and that form is accepted.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Returns the index of the secret that signed the text, in the list given to
    /// [`Verifier::new`](super::Verifier::new). The first secret has index 0.
    pub fn secret_index(&self) -> usize {
        self.secret
    }

    /// Returns the signed text. `None` if it is the body.
    pub(super) fn into_new_text(self) -> Option<Bytes> {
        match self.text {
            SignedText::Body(_) => None,
            SignedText::New(text) => Some(text),
        }
    }
}

/// Leaves out the text, because it may contain an end user's credentials.
impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("text", &format_args!("{} bytes", self.text().len()))
            .field("form", &self.form)
            .field("secret_index", &self.secret)
            .finish()
    }
}

/// The bytes of a signed text.
#[derive(Clone)]
pub(super) enum SignedText<'a> {
    /// The body. It is borrowed, because a clone and its drop would be two atomic operations.
    Body(&'a Bytes),
    /// A sorted form that differs from the body.
    New(Bytes),
}
