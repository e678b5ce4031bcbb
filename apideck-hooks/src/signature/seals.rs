//! Seals of texts that leave this process and come back.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use super::header::Mac;
use super::keyed_secrets::KeyedSecrets;
use super::verifier::Verifier;

/// The text from which the key of the seals is made. So a seal never is a signature of some body,
/// and a signature never is a seal.
const LABEL: &[u8] = b"apideck-hooks: key of the seals, version 1";

/// Seals under keys that are made of the secrets.
#[derive(Clone)]
pub(crate) struct Seals(Box<[Hmac<Sha256>]>);

impl Verifier {
    /// Makes a verifier that refuses every signature, for workers without a receiver.
    pub(crate) fn without_secrets() -> Self {
        Self::of(KeyedSecrets::none())
    }

    /// Returns the seals under keys that are made of the secrets.
    pub(crate) fn seals(&self) -> Seals {
        Seals::new(self.keys.keys())
    }
}

impl Seals {
    fn new(secrets: &[Hmac<Sha256>]) -> Self {
        let key = |secret: &Hmac<Sha256>| {
            let key = secret.clone().chain_update(LABEL).finalize().into_bytes();
            // It is always `Ok`, because HMAC takes keys of any length.
            Hmac::new_from_slice(&key).ok()
        };
        Self(secrets.iter().filter_map(key).collect())
    }

    /// Tells if there is a key.
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Seals the parts with the first key. `None` without a key.
    pub(crate) fn seal(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let mac: Mac = fed(self.0.first()?, parts).finalize().into_bytes().into();
        Some(mac)
    }

    /// Tells if a seal of the parts was made with any of the keys.
    ///
    /// Comparing takes the same time wherever the seals differ.
    pub(crate) fn is_seal(&self, seal: &[u8], parts: &[&[u8]]) -> bool {
        self.0
            .iter()
            .any(|key| fed(key, parts).verify_slice(seal).is_ok())
    }
}

/// Each part is preceded by its length, so that no two lists of parts are one text.
fn fed(key: &Hmac<Sha256>, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}
