//! The secrets that a builder takes.

use crate::signature::{Secret, SecretError};

/// A secret that [`HooksBuilder::secret`](crate::HooksBuilder::secret) takes: a [`Secret`], or the
/// text of one.
pub trait IntoSecret {
    /// Returns the secret.
    ///
    /// # Errors
    ///
    /// The text is empty.
    fn into_secret(self) -> Result<Secret, SecretError>;
}

impl IntoSecret for Secret {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Ok(self)
    }
}

impl IntoSecret for String {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Secret::new(self)
    }
}

impl IntoSecret for &str {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Secret::new(self)
    }
}

impl IntoSecret for &String {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Secret::new(self.as_str())
    }
}
