//! Forms that are not accepted, but that tell what has happened to a body.

use std::fmt;

use crate::signature::{
    Form,
    canonical::{Sorting, canonical},
    header::Mac,
    keyed_secrets::KeyedSecrets,
};

/// What a signature is of, where it is of something close to the body. It is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Near {
    /// Of a text that [`Forms`](crate::signature::Forms) leaves out.
    LeftOut(Form),
    /// Of nothing: the body was empty when it was signed.
    Empty,
    /// Of the body without the whitespace around it, so something has added that.
    Trimmed,
    /// Of the body and a newline, so something has taken that away.
    Newline,
    /// Of the body without its byte order mark, so something has added that.
    NoMark,
    /// Of the body as JavaScript prints it, with its keys in their own order; so something has parsed it and
    /// printed it again.
    Reprinted,
}

impl Near {
    pub(super) fn find(keys: &KeyedSecrets, mac: &Mac, body: &[u8]) -> Option<Self> {
        let is = |text: &[u8]| keys.find(mac, text).is_some();
        let trimmed = body.trim_ascii();
        if is(b"") {
            Some(Self::Empty)
        } else if trimmed != body && is(trimmed) {
            Some(Self::Trimmed)
        } else if is(&[body, b"\n"].concat()) || is(&[body, b"\r\n"].concat()) {
            Some(Self::Newline)
        } else if body.strip_prefix("\u{feff}".as_bytes()).is_some_and(is) {
            Some(Self::NoMark)
        } else if reprinted(body).is_some_and(|text| is(&text)) {
            Some(Self::Reprinted)
        } else {
            None
        }
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::LeftOut(text) => {
                return write!(
                    f,
                    "it is the signature of the text `{}`, which is not accepted here",
                    text.name()
                );
            }
            Self::Empty => "an empty body",
            Self::Trimmed => "the body without the whitespace around it",
            Self::Newline => "the body with a newline at its end",
            Self::NoMark => "the body without its byte order mark",
            Self::Reprinted => "the body as JavaScript prints it, so something has printed it again",
        };
        write!(f, "it is the signature of {what}")
    }
}

/// `JSON.stringify(JSON.parse(body))`, if that is not the body itself.
fn reprinted(body: &[u8]) -> Option<Vec<u8>> {
    // What is in an array is not sorted.
    let array = [b"[", body, b"]"].concat();
    let mut text = canonical(&array, Sorting::OutsideArrays).ok()?.into_new_text()?;
    text.pop();
    text.remove(0);
    Some(text)
}
