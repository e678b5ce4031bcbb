//! The sorted text of a body, byte for byte as JavaScript makes it.
//!
//! Apideck's guide to webhook signatures signs the output of a program like this one:
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
//! # How it works
//!
//! The sorted text takes one pass over the body and at most two copies, and no tree of the JSON:
//!
//! - `sorter` reads the body. Tokens that JavaScript prints differently (`string`, `number`,
//!   `decimal`, whitespace) are replaced in the *compact text* (`compact`). Without replacements
//!   that is the body itself, and nothing is copied.
//! - `object` puts the members of each object in order (`order`, `member_key`) when the object
//!   ends. An object whose members were in order leaves nothing behind. Any other leaves a *patch*
//!   (`node`), which lists the members to print in its place.
//! - `print` copies the compact text and applies the patches. Without patches it is not needed.
//!
//! For a body of n bytes this takes O(n log n) time and O(n) memory, whatever the body contains. A
//! comparison of two keys takes at most their length, and each key takes part in O(log n) of them.

mod compact;
mod decimal;
mod error;
mod limits;
mod member_key;
mod node;
mod number;
mod object;
mod order;
mod output;
mod print;
mod sorter;
mod string;

pub use error::NotCanonical;
pub use limits::{MAX_BYTES, MAX_DEPTH};
pub use output::{Canonical, Rewritten, Sorting};

/// Returns the sorted text of `body`.
///
/// # Errors
///
/// `JSON.parse` rejects the body, or the body is longer than [`MAX_BYTES`] or nested deeper than
/// [`MAX_DEPTH`].
pub fn canonical(body: &[u8], sorting: Sorting) -> Result<Canonical, NotCanonical> {
    sorter::sort(body, sorting)
}
