//! The sorted text of a body, byte for byte as JavaScript makes it.
//!
//! Apideck's guide signs what this program prints:
//!
//! ```js
//! function sort(value) {
//!   if (value === null || typeof value !== "object") return value;
//!   if (Array.isArray(value)) return value;              // Sorting::OutsideArrays
//!   // if (Array.isArray(value)) return value.map(sort);  // Sorting::Everywhere
//!   const out = {};
//!   for (const key of Object.keys(value).sort()) out[key] = sort(value[key]);
//!   return out;
//! }
//! JSON.stringify(sort(JSON.parse(body)));
//! ```
//!
//! Here it is one pass over the body and one copy:
//!
//! - `sorter` reads the body with `JSON.parse`'s grammar and no tree. It puts right the tokens that JavaScript prints
//!   differently (`string`, `number` and `decimal`, whitespace) in the *plain text* (`text`), which is the body itself as long
//!   as nothing has to be put right.
//! - `object` orders the members of each object (`record`) when it closes. Objects that were in order leave nothing behind;
//!   one that was not leaves a *patch*: "print these members here".
//! - `print` copies the plain text and follows the patches.
//!
//! Time is O(n log n) and memory O(n) in the body's length, whatever the body. Members are compared by the first eight
//! bytes of their keys before their whole keys; a comparison of whole keys costs at most their length, and each key
//! takes part in O(log n) of them.

mod decimal;
mod error;
mod number;
mod object;
mod print;
mod record;
mod sorter;
mod string;
mod text;

pub use error::NotCanonical;

/// Containers inside one another, counting the outermost. JavaScript itself goes deeper; Apideck's events have four.
pub const MAX_DEPTH: usize = 128;

/// The longest body in bytes. V8 ends the length of a string there, so Node.js could not sign a longer one this way.
pub const MAX_BYTES: usize = 1 << 29;

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
    text: Option<Vec<u8>>,
    differs: bool,
    rewritten: Rewritten,
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

/// Makes the sorted text of `body`.
///
/// # Errors
///
/// The body is not JSON as `JSON.parse` has it, or is longer than [`MAX_BYTES`] or deeper than [`MAX_DEPTH`].
pub fn canonical(body: &[u8], sorting: Sorting) -> Result<Canonical, NotCanonical> {
    sorter::sort(body, sorting)
}
