//! Why a signature was refused.

use std::fmt;

/// A request whose signature was refused.
///
/// It says nothing about the signature that would have been right. [`Verifier::explain`](super::Verifier::explain) tells an
/// operator more.
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
    /// Whether there is no signature at all.
    pub fn is_missing(&self) -> bool {
        self.0 == VerifyErrorKind::Missing
    }

    /// Whether what stands for the signature cannot be one: more than one header, or a value that is neither 64
    /// hexadecimal digits nor 44 characters of base64.
    pub fn is_malformed(&self) -> bool {
        matches!(self.0, VerifyErrorKind::Malformed | VerifyErrorKind::Repeated)
    }

    /// Whether there is a signature, but of something else or with another secret.
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
                "the x-apideck-signature header is neither hex nor base64 of 32 bytes"
            }
            VerifyErrorKind::Mismatch => "the signature does not match the body",
        })
    }
}

impl std::error::Error for VerifyError {}
