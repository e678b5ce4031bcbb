//! Verification of Apideck's signatures.
//!
//! Apideck signs the body of every request with HMAC-SHA-256. The key is the application's API key,
//! and the signature is sent in the header `x-apideck-signature`. Only the body is signed: the
//! headers are not, and the signature contains no time.
//!
//! Apideck's documents disagree on the signed bytes and on the encoding of the header:
//!
//! | reading | source |
//! | --- | --- |
//! | the body as received ([`Form::Raw`]) | the webhook reference |
//! | the body's JSON with sorted keys ([`Form::Sorted`]) | the code sample of the signature guide |
//! | the same, also inside arrays ([`Form::SortedInArrays`]) | the prose of the signature guide |
//! | 64 hexadecimal digits ([`Encoding::Hex`]) | the examples of the OpenAPI description |
//! | base64 ([`Encoding::Base64`]) | an official example for coding assistants |
//!
//! So a [`Verifier`] accepts all three forms in both encodings. The sorted forms match JavaScript's
//! output byte for byte, including the way it prints numbers. A body that `JSON.parse` rejects has
//! no sorted form. Neither has a body that is nested deeper than 128 levels or longer than 512 MiB.
//!
//! Parse the text that [`Verified::text`] returns, and not the body. The body can contain parts
//! that are not in the signed text.
//!
//! # Troubleshooting
//!
//! If every signature is refused, log the result of [`Verifier::explain`]. Then check these causes,
//! the most likely first:
//!
//! - **The secret is wrong.** It must be the API key of the application that the webhook belongs
//!   to, from the same environment, without quotes or a newline around it.
//! - **The body was parsed and printed again** before it was verified, by a JSON body parser, a
//!   gateway that maps requests, or a logging layer. Signs of this are whitespace between tokens,
//!   `\u` escapes for printable characters, and `\/`. Verify the bytes as they were received.
//! - **The body was decoded or cut.** It may have been converted to another character set, given a
//!   byte order mark, cut at a size limit, or read earlier, which leaves it empty.
//! - **The header is missing or was changed.** Some proxies drop headers that they do not know, or
//!   fold several headers into one.
//! - **The request does not come from Apideck.** Then the refusal is correct.

#[doc(hidden)]
pub mod canonical;
mod error;
mod explain;
mod form;
mod header;
mod keyed_secrets;
mod matched;
mod seals;
mod search;
mod secret;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod sign;
mod verified;
mod verified_text;
mod verifier;

#[doc(inline)]
pub use canonical::NotCanonical;
pub use error::VerifyError;
pub use explain::{Body, Explanation, Found, Header, Near, TROUBLESHOOTING};
pub use form::{Form, Forms};
pub use header::{Encoding, HEADER};
pub use matched::Matched;
pub use secret::{Secret, SecretError};
pub use verified::Verified;
pub use verifier::Verifier;

pub(crate) use seals::Seals;
pub(crate) use verified_text::VerifiedText;
