//! Texts close to the body that a refused signature may belong to.
//!
//! # How it works
//!
//! A body may be changed on its way: a proxy adds a newline, a framework parses the body and prints
//! it again. Then the signature belongs to a text that is close to the received body. Each variant
//! of [`Near`] undoes one such change and compares the signature with the result. A match proves
//! that the secret is correct, and it names the change. The request is refused all the same.
//!
//! The changes are tried one at a time and never together, so an explanation takes a bounded number
//! of MACs. The cheapest come first.
//!
//! The last one needs `JSON.stringify(JSON.parse(body))`, which keeps the order of the keys. The
//! sorter leaves objects inside arrays unsorted, so it gets the body within `[` and `]`, and the
//! two brackets are removed from its output.

use std::fmt;

use crate::signature::{
    Form,
    canonical::{Sorting, canonical},
    header::Mac,
    keyed_secrets::KeyedSecrets,
};

/// The text that a refused signature belongs to, if it is close to the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Near {
    /// A form that [`Forms`](crate::signature::Forms) excludes.
    LeftOut(Form),
    /// An accepted form, under the secret without the quotes, the whitespace or the `Bearer` around
    /// it.
    BareSecret,
    /// The empty text. The body was empty when it was signed.
    Empty,
    /// The body without the whitespace around it. The whitespace was added later.
    Trimmed,
    /// The body followed by a newline. The newline was removed later.
    Newline,
    /// The body without its byte order mark. The mark was added later.
    NoMark,
    /// The body as JavaScript prints it, with its keys in their own order. The body was parsed and
    /// printed again later.
    Reprinted,
}

impl Near {
    /// Finds the text that `mac` belongs to among those close to `body`.
    pub(super) fn find(keys: &KeyedSecrets, mac: &Mac, body: &[u8]) -> Option<Self> {
        let is_signed = |text: &[u8]| keys.find(mac, text).is_some();
        let trimmed = body.trim_ascii();
        if is_signed(b"") {
            Some(Self::Empty)
        } else if trimmed != body && is_signed(trimmed) {
            Some(Self::Trimmed)
        } else if is_signed(&[body, b"\n"].concat()) || is_signed(&[body, b"\r\n"].concat()) {
            Some(Self::Newline)
        } else if body.strip_prefix("\u{feff}".as_bytes()).is_some_and(is_signed) {
            Some(Self::NoMark)
        } else if reprinted(body).is_some_and(|text| is_signed(&text)) {
            Some(Self::Reprinted)
        } else {
            None
        }
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The signature belongs to ")?;
        f.write_str(match self {
            Self::LeftOut(form) => {
                return write!(f, "the form `{}`, which is not accepted here", form.name());
            }
            Self::BareSecret => {
                "the body, under the secret without the quotes, the whitespace or the `Bearer` around it. Remove \
                 that from the secret"
            }
            Self::Empty => "an empty body",
            Self::Trimmed => "the body without the whitespace around it",
            Self::Newline => "the body followed by a newline",
            Self::NoMark => "the body without its byte order mark",
            Self::Reprinted => "the body as JavaScript prints it, so the body was parsed and printed again",
        })
    }
}

/// Returns `JSON.stringify(JSON.parse(body))`. `None` if that is the body, or the body is not JSON.
fn reprinted(body: &[u8]) -> Option<Vec<u8>> {
    let array = [b"[", body, b"]"].concat();
    let mut text = canonical(&array, Sorting::OutsideArrays).ok()?.into_new_text()?;
    text.pop();
    text.remove(0);
    Some(text)
}
