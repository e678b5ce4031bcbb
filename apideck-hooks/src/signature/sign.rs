//! Signing, for tests and tools.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Encoding, Form, Secret,
    canonical::{NotCanonical, canonical},
    keyed_secrets,
};

/// Signs `text` of `body` as Apideck would: the value for `x-apideck-signature`.
///
/// # Errors
///
/// A sorted text is asked for, and the body has none: it is not JSON, or nested deeper than 128 levels.
pub fn sign(secret: &Secret, body: &[u8], form: Form, encoding: Encoding) -> Result<String, NotCanonical> {
    let mac = match form.sorting() {
        None => keyed_secrets::mac(secret, body),
        Some(sorting) => keyed_secrets::mac(secret, canonical(body, sorting)?.text(body)),
    };
    Ok(match encoding {
        Encoding::Hex => mac
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xF])
            .map(digit)
            .collect(),
        Encoding::Base64 => STANDARD.encode(mac),
    })
}

fn digit(nibble: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(nibble & 0xF)])
}
