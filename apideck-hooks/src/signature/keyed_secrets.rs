//! The secrets, ready for use.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use super::{Secret, SecretError, header::Mac, secret::SecretErrorKind};

/// HMAC states, each keyed once. They are wiped when they are dropped, as the secrets are.
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

    /// Which secret `mac` of `text` was made with. Each comparison takes the same time, wherever it fails.
    #[inline]
    pub(super) fn find(&self, mac: &Mac, text: &[u8]) -> Option<usize> {
        self.0
            .iter()
            .position(|key| key.clone().chain_update(text).verify_slice(mac).is_ok())
    }
}

/// HMAC takes keys of any length, so this is always `Some`.
fn keyed(secret: &Secret) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret.bytes()).ok()
}

#[cfg(any(test, feature = "testing"))]
pub(super) fn mac(secret: &Secret, text: &[u8]) -> Mac {
    keyed(secret)
        .map(|key| key.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

impl fmt::Debug for KeyedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.count())
    }
}
