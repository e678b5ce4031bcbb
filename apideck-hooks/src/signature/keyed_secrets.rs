//! The secrets as keys of HMACs.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use super::{Secret, SecretError, header::Mac, secret::SecretErrorKind};

/// One HMAC state for each secret, so that a request does not hash the key again.
///
/// The states are wiped when they are dropped, as the secrets are.
#[derive(Clone)]
pub(super) struct KeyedSecrets(Box<[Hmac<Sha256>]>);

impl KeyedSecrets {
    pub(super) fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, SecretError> {
        let keys: Box<[_]> = secrets.into_iter().filter_map(|secret| keyed(&secret)).collect();
        if keys.is_empty() {
            Err(SecretError::new(SecretErrorKind::NoSecret, None))
        } else {
            Ok(Self(keys))
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the index of the secret that `mac` of `text` was made with.
    ///
    /// Comparing two MACs takes the same time wherever they differ.
    #[inline]
    pub(super) fn find(&self, mac: &Mac, text: &[u8]) -> Option<usize> {
        self.0
            .iter()
            .position(|key| key.clone().chain_update(text).verify_slice(mac).is_ok())
    }
}

impl fmt::Debug for KeyedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.count())
    }
}

/// Computes the MAC of `text`.
#[cfg(any(test, feature = "testing"))]
pub(super) fn mac(secret: &Secret, text: &[u8]) -> Mac {
    keyed(secret)
        .map(|key| key.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// Returns the HMAC state of a secret. It is always `Some`, because HMAC takes keys of any length.
fn keyed(secret: &Secret) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret.bytes()).ok()
}
