//! Is this body really Apideck's?
//!
//! Apideck signs the body of every request with HMAC-SHA-256 and puts the result into `x-apideck-signature`. The key is the
//! application's API key. Only the body is signed: no header is, and there is no time in it.
//!
//! Apideck's documents disagree on which bytes are signed, and in which encoding the header is:
//!
//! | | source |
//! | --- | --- |
//! | the body as it came ([`Form::Raw`]) | the webhook reference |
//! | the body with its keys sorted and printed again ([`Form::Sorted`]) | the sample in the signature guide |
//! | the same with objects inside arrays sorted too ([`Form::SortedInArrays`]) | the words of the signature guide |
//! | 64 hexadecimal digits, base64 | the OpenAPI description, a guide |
//!
//! So a [`Verifier`] accepts all three texts in both encodings. The sorted texts are byte for byte those that JavaScript
//! makes, down to the way it prints numbers. A body that `JSON.parse` refuses has none. Nor has one that is
//! nested deeper than 128 levels or longer than 512 MiB.
//!
//! What was verified is in [`Verified::text`]; parse that, not the body.
//!
//! # Troubleshooting
//!
//! If every signature is refused, let [`Verifier::explain`] tell what it sees, and look for these, likely ones first:
//!
//! - **The secret is another one.** It is the API key of the very application that the webhook belongs to, in the same
//!   environment, without quotes or a newline around it.
//! - **Something has parsed the body and printed it again** before it got here: a JSON body parser, a gateway that
//!   maps requests, a logging layer. Signs of that are whitespace between tokens, `\u` escapes for printable characters, and
//!   `\/`. Verify the bytes that came over the wire.
//! - **Something has decoded or cut the body**: another character set, a byte order mark, a size limit, a body that was
//!   read already and is now empty.
//! - **The header is gone or changed.** Some proxies drop headers they do not know or fold several into one.
//! - **Somebody else is calling.** A refused request is what the signature is there for.

#[doc(hidden)]
pub mod canonical;
mod error;
mod explain;
mod form;
mod header;
mod keyed_secrets;
mod secret;
#[cfg(any(test, feature = "testing"))]
pub mod sign;
mod verified;
mod verified_text;
mod verifier;

pub use error::VerifyError;
pub use explain::{Body, Explanation, Found, Header, Near, TROUBLESHOOTING};
pub use form::{Form, Forms};
pub use header::{Encoding, HEADER};
pub use secret::{Secret, SecretError};
pub use verified::Verified;
pub use verifier::Verifier;

pub(crate) use verified_text::VerifiedText;
