//! The result of sorting a body.

/// The objects whose keys are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// Objects outside of arrays. Arrays stay as they were parsed.
    OutsideArrays,
    /// All objects.
    Everywhere,
}

/// A body's sorted text.
#[derive(Debug)]
pub struct Canonical {
    /// `None` when it is the body itself.
    pub(super) text: Option<Vec<u8>>,
    pub(super) differs: bool,
    pub(super) rewritten: Rewritten,
}

/// What JavaScript prints differently, apart from the order: signs that somebody has re-serialised the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// There is whitespace between tokens, as in pretty-printed JSON.
    pub whitespace: bool,
    /// There are escapes that JavaScript does not print, such as `\u00e9` or `\/`.
    pub escapes: bool,
    /// There are numbers that JavaScript prints differently, such as `1.0`.
    pub numbers: bool,
}

impl Canonical {
    /// Whether the text is the body itself.
    pub fn is_body(&self) -> bool {
        self.text.is_none()
    }

    /// Whether the other [`Sorting`] of the body may be another text. `false` is certain.
    pub fn differs(&self) -> bool {
        self.differs
    }

    /// What was put right in the body, apart from the order.
    pub fn rewritten(&self) -> Rewritten {
        self.rewritten
    }

    /// The text. `body` is what it was made from.
    pub fn text<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        self.text.as_deref().unwrap_or(body)
    }

    /// The text, owned. `body` is what it was made from.
    pub fn into_text(self, body: &[u8]) -> Vec<u8> {
        self.text.unwrap_or_else(|| body.to_vec())
    }

    /// The text if it is not the body itself.
    pub fn into_new_text(self) -> Option<Vec<u8>> {
        self.text
    }
}
