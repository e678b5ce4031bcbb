//! MACs and how they are written.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn mac(secret: &str, text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

pub fn hex(mac: &[u8]) -> String {
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            if at <= chunk.len() {
                text.push(char::from(BASE64[(bits >> (18 - 6 * at) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The MAC that a header's value is, if it is one.
pub fn read(value: &[u8]) -> Option<[u8; 32]> {
    let text = str::from_utf8(value).ok()?;
    let mut mac = [0; 32];
    if text.len() == 64 && text.chars().all(|digit| digit.is_ascii_hexdigit()) {
        for (at, byte) in mac.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        return Some(mac);
    }
    // What base64 stands for is what is written so.
    let mut bits = Vec::new();
    for char in text.trim_end_matches('=').bytes() {
        let digit = BASE64.iter().position(|&other| other == char)?;
        bits.extend((0..6).rev().map(|bit| digit >> bit & 1));
    }
    let bytes: Vec<u8> = bits
        .chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8))
        .collect();
    mac = bytes.try_into().ok()?;
    (base64(&mac) == text).then_some(mac)
}
