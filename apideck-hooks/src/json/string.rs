//! Strings of a checked JSON text.
//!
//! A Rust string has no lone surrogates. In a value each becomes U+FFFD. In a key its hexadecimal
//! digits follow, so that different keys stay different.

use std::borrow::Cow;

/// Returns the text between the quotes of a string. `None` for a value of another type.
pub(super) fn contents(string: &str) -> Option<&str> {
    string.strip_prefix('"')?.strip_suffix('"')
}

/// Decodes the contents of a string. Returns `true` with it if lone surrogates were replaced.
pub(super) fn decode(contents: &str, is_key: bool) -> (Cow<'_, str>, bool) {
    if !contents.contains('\\') {
        return (Cow::Borrowed(contents), false);
    }
    let units = units(contents);
    if let Ok(text) = String::from_utf16(&units) {
        return (Cow::Owned(text), false);
    }
    let mut text = String::new();
    for unit in char::decode_utf16(units) {
        let (char, unit) = match unit {
            Ok('\u{fffd}') => ('\u{fffd}', Some(0xFFFD)),
            Ok(char) => (char, None),
            Err(lone) => ('\u{fffd}', Some(lone.unpaired_surrogate())),
        };
        text.push(char);
        if let Some(unit) = unit
            && is_key
        {
            text += &format!("{unit:04x}");
        }
    }
    (Cow::Owned(text), true)
}

/// Returns the UTF-16 code units of the contents of a string.
fn units(contents: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(contents.len());
    let mut chars = contents.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next().unwrap_or_default() {
            'b' => 0x08,
            't' => 0x09,
            'n' => 0x0A,
            'f' => 0x0C,
            'r' => 0x0D,
            'u' => chars.by_ref().take(4).fold(0, |unit, digit| {
                unit << 4 | digit.to_digit(16).unwrap_or_default() as u16
            }),
            // A quote, a backslash or a slash.
            same => same as u16,
        });
    }
    units
}
