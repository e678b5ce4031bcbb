//! Signatures for tests and tools.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Encoding, Form, Secret,
    canonical::{NotCanonical, canonical},
    keyed_secrets,
};

/// Signs a form of `body` as Apideck does and returns the value of `x-apideck-signature`.
///
/// # Errors
///
/// `form` is a sorted form and the body has none. It is not JSON, is nested deeper than 128 levels
/// or is longer than 512 MiB.
#[cfg_attr(
    not(feature = "testing"),
    expect(unreachable_pub, reason = "only the test kit passes it on")
)]
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
