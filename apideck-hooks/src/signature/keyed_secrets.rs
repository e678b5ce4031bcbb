//! The secrets as keys of HMACs.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use super::{Secret, SecretError, header::Mac, secret::SecretErrorKind};

/// One HMAC state for each secret, so that a request does not hash the key again.
///
/// The states are wiped when they are dropped, as the secrets are.
#[derive(Clone)]
pub(super) struct KeyedSecrets {
    keys: Box<[Hmac<Sha256>]>,
    /// The secrets without the quotes and the like around them, for explanations.
    bare: Box<[Hmac<Sha256>]>,
}

impl KeyedSecrets {
    pub(super) fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, SecretError> {
        let secrets: Vec<_> = secrets.into_iter().collect();
        let keys: Box<[_]> = secrets
            .iter()
            .filter_map(|secret| keyed(secret.bytes()))
            .collect();
        if keys.is_empty() {
            return Err(SecretError::new(SecretErrorKind::NoSecret, None));
        }
        let bare = secrets.iter().filter_map(Secret::bare);
        let bare = bare.filter_map(|secret| keyed(secret.as_bytes())).collect();
        Ok(Self { keys, bare })
    }

    /// Without secrets every signature is refused.
    pub(super) fn none() -> Self {
        Self {
            keys: Box::default(),
            bare: Box::default(),
        }
    }

    pub(super) fn keys(&self) -> &[Hmac<Sha256>] {
        &self.keys
    }

    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Tells if `mac` of `text` was made with a secret that has something around it, without that.
    pub(super) fn is_of_bare(&self, mac: &Mac, text: &[u8]) -> bool {
        let mut bare = self.bare.iter();
        bare.any(|key| key.clone().chain_update(text).verify_slice(mac).is_ok())
    }

    /// Returns the index of the secret that `mac` of `text` was made with.
    ///
    /// Comparing two MACs takes the same time wherever they differ.
    #[inline]
    pub(super) fn find(&self, mac: &Mac, text: &[u8]) -> Option<usize> {
        self.keys
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
    keyed(secret.bytes())
        .map(|key| key.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// Returns the HMAC state of a key. It is always `Some`, because HMAC takes keys of any length.
fn keyed(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}
