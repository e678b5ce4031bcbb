//! What a body looks like.

use std::fmt;

use http::{HeaderMap, header::CONTENT_LENGTH};

use crate::signature::canonical::{Canonical, NotCanonical, Rewritten};

/// Signs that a body is not what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Body {
    /// Its length in bytes.
    pub length: usize,
    /// What its `content-length` header said, if that is another length.
    pub announced: Option<usize>,
    /// Why it is no JSON that could be sorted.
    pub fault: Option<NotCanonical>,
    /// It is pretty-printed, or there is other whitespace between its tokens, such as a newline at the end.
    pub whitespace: bool,
    /// It has escapes that JavaScript does not print, such as `\u00e9` or `\/`.
    pub escapes: bool,
    /// It has numbers that JavaScript prints differently, such as `1.0`.
    pub numbers: bool,
}

impl Body {
    pub(super) fn new(headers: &HeaderMap, body: &[u8], sorted: Result<&Canonical, &NotCanonical>) -> Self {
        let announced = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let Rewritten {
            whitespace,
            escapes,
            numbers,
        } = sorted.map(Canonical::rewritten).unwrap_or_default();
        Self {
            length: body.len(),
            announced: announced.filter(|&length| length != body.len()),
            fault: sorted.err().copied(),
            whitespace,
            escapes,
            numbers,
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length {
            0 => f.write_str("the body is empty: something may have read it before")?,
            length => write!(f, "the body has {length} bytes")?,
        }
        if let Some(announced) = self.announced {
            write!(
                f,
                " where content-length says {announced}, so something has changed or cut it"
            )?;
        }
        if self.length == 0 {
            return Ok(());
        }
        let signs = [
            (self.whitespace, "whitespace between its tokens"),
            (self.escapes, "escapes that JavaScript does not print"),
            (self.numbers, "numbers that JavaScript prints differently"),
        ];
        for (_, sign) in signs.iter().filter(|(seen, _)| *seen) {
            write!(f, " and {sign}")?;
        }
        if signs.iter().any(|(seen, _)| *seen) {
            f.write_str(", so something may have parsed and printed it again")?;
        }
        match self.fault {
            Some(fault) if fault.is_truncated() => write!(f, "; {fault}, so it may have been cut short"),
            Some(fault) if fault.is_not_utf8() => write!(f, "; {fault}, so it may be compressed"),
            Some(fault) => write!(f, "; {fault}"),
            None => Ok(()),
        }
    }
}
