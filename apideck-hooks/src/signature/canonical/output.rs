//! The result of sorting a body.

/// The objects whose keys are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// Objects outside of arrays.
    OutsideArrays,
    /// All objects.
    Everywhere,
}

/// The sorted text of a body.
#[derive(Debug)]
pub struct Canonical {
    /// `None` if it is the body itself.
    pub(super) text: Option<Vec<u8>>,
    pub(super) differs: bool,
    pub(super) rewritten: Rewritten,
}

/// The kinds of tokens that JavaScript prints differently.
///
/// A body with any of them was not printed by JavaScript, or was parsed and printed again later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The body has whitespace between tokens, as pretty-printed JSON does.
    pub whitespace: bool,
    /// The body has escapes that JavaScript does not print, such as `\u00e9` or `\/`.
    pub escapes: bool,
    /// The body has numbers that JavaScript prints differently, such as `1.0`.
    pub numbers: bool,
}

impl Canonical {
    /// Returns `true` if the sorted text is the body itself.
    pub fn is_body(&self) -> bool {
        self.text.is_none()
    }

    /// Returns `false` if the other [`Sorting`] gives the same text.
    ///
    /// `true` means that the two texts can differ.
    pub fn differs(&self) -> bool {
        self.differs
    }

    /// Returns the kinds of tokens that were rewritten.
    pub fn rewritten(&self) -> Rewritten {
        self.rewritten
    }

    /// Returns the sorted text. `body` must be the body that it was made from.
    pub fn text<'a>(&'a self, body: &'a [u8]) -> &'a [u8] {
        self.text.as_deref().unwrap_or(body)
    }

    /// Returns the sorted text, and copies it if it is the body. `body` must be the body that it
    /// was made from.
    pub fn into_text(self, body: &[u8]) -> Vec<u8> {
        self.text.unwrap_or_else(|| body.to_vec())
    }

    /// Returns the sorted text. `None` if it is the body itself.
    pub fn into_new_text(self) -> Option<Vec<u8>> {
        self.text
    }
}
