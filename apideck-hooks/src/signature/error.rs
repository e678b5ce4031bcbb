//! The error of a refused signature.

use std::fmt;

/// The reason why a request's signature was refused.
///
/// It reveals nothing about the correct signature. For an operator,
/// [`Verifier::explain`](super::Verifier::explain) gives more details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError(pub(super) VerifyErrorKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VerifyErrorKind {
    Missing,
    Repeated,
    Malformed,
    Mismatch,
}

impl VerifyError {
    /// Returns `true` if the request has no signature header.
    pub fn is_missing(&self) -> bool {
        self.0 == VerifyErrorKind::Missing
    }

    /// Returns `true` if the signature cannot be read.
    ///
    /// The request has several signature headers, or the header's value is neither 64 hexadecimal
    /// digits nor 44 characters of base64.
    pub fn is_malformed(&self) -> bool {
        matches!(self.0, VerifyErrorKind::Malformed | VerifyErrorKind::Repeated)
    }

    /// Returns `true` if the signature is well-formed but belongs to another text or another
    /// secret.
    pub fn is_mismatch(&self) -> bool {
        self.0 == VerifyErrorKind::Mismatch
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            VerifyErrorKind::Missing => "the request has no x-apideck-signature header",
            VerifyErrorKind::Repeated => "the request has more than one x-apideck-signature header",
            VerifyErrorKind::Malformed => {
                "the x-apideck-signature header is neither 64 hexadecimal digits nor 44 characters of base64"
            }
            VerifyErrorKind::Mismatch => "the signature does not match the body",
        })
    }
}

impl std::error::Error for VerifyError {}
