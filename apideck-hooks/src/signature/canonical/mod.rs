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
mod limits;
mod member;
mod number;
mod object;
mod output;
mod print;
mod sorter;
mod string;
mod text;

pub use error::NotCanonical;
pub use limits::{MAX_BYTES, MAX_DEPTH};
pub use output::{Canonical, Rewritten, Sorting};

/// Makes the sorted text of `body`.
///
/// # Errors
///
/// The body is not JSON as `JSON.parse` has it, or is longer than [`MAX_BYTES`] or deeper than [`MAX_DEPTH`].
pub fn canonical(body: &[u8], sorting: Sorting) -> Result<Canonical, NotCanonical> {
    sorter::sort(body, sorting)
}
