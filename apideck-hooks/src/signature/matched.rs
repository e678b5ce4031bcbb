//! The way in which a signature matched.

use super::{Encoding, Form};

/// The way in which a signature matched.
///
/// It tells an operator which of the documented ways Apideck uses, and when an old secret is no
/// longer needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Matched {
    /// The form of the body that was signed.
    pub form: Form,
    /// The encoding of the signature.
    pub encoding: Encoding,
    /// The index of the secret, in the order in which the secrets were given. The first is 0.
    pub secret: usize,
}
