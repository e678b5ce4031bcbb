//! The value of `x-apideck-signature`.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderName;

/// The header that carries the signature.
///
/// Source: Apideck's webhook reference.
pub const HEADER: &str = "x-apideck-signature";

/// [`HEADER`], read once and not for every request.
pub(super) static NAME: HeaderName = HeaderName::from_static(HEADER);

/// The bytes of an HMAC-SHA-256.
pub(super) type Mac = [u8; 32];

const HEX_LENGTH: usize = 64;
const BASE64_LENGTH: usize = 44;

/// How a signature is written.
///
/// Apideck's OpenAPI examples have 64 hexadecimal digits; another of its texts says base64. Both are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// 64 hexadecimal digits. Both cases are read, mixed too; lower case is written.
    Hex,
    /// 44 characters of standard base64, padded (RFC 4648, section 4).
    Base64,
}

impl Encoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

/// Reads a header's value. There is one way to write a given MAC in base64, and only letters' cases to choose in
/// hex: nothing else is read, not even whitespace around it.
#[inline]
pub(super) fn parse(value: &[u8]) -> Option<(Encoding, Mac)> {
    match value.len() {
        HEX_LENGTH => Some((Encoding::Hex, hex(value.as_array()?)?)),
        BASE64_LENGTH => {
            let mut mac = Mac::default();
            // The engine refuses missing padding and trailing bits that are not zero.
            (STANDARD.decode_slice(value, &mut mac) == Ok(mac.len())).then_some((Encoding::Base64, mac))
        }
        _ => None,
    }
}

/// How the signature is written that a header's value has somewhere in it, between characters that are none of its own.
pub(super) fn unwrap(value: &[u8]) -> Option<Encoding> {
    // Quotes and spaces at the ends; at the beginning also a name and a mark after it.
    let value = str::from_utf8(value).ok()?.trim_matches(['"', '\'', ' ', '\t']);
    let ends =
        [HEX_LENGTH, BASE64_LENGTH].map(|length| value.split_at_checked(value.len().checked_sub(length)?));
    ends.into_iter().flatten().find_map(|(before, signature)| {
        let apart = before.is_empty() || before.ends_with(['=', ',', ':', ' ', '"']);
        let (encoding, _) = parse(signature.as_bytes())?;
        apart.then_some(encoding)
    })
}

/// Reads hexadecimal digits. Without branches or tables, so that the compiler can do many at once.
#[inline]
fn hex(digits: &[u8; HEX_LENGTH]) -> Option<Mac> {
    let mut nibbles = [0; HEX_LENGTH];
    let mut good = true;
    for (nibble, &digit) in nibbles.iter_mut().zip(digits) {
        let decimal = digit.wrapping_sub(b'0');
        let letter = (digit | 0x20).wrapping_sub(b'a');
        good &= (decimal < 10) | (letter < 6);
        *nibble = if decimal < 10 {
            decimal
        } else {
            letter.wrapping_add(10)
        };
    }
    let mut mac = Mac::default();
    for (byte, pair) in mac.iter_mut().zip(nibbles.as_chunks::<2>().0) {
        *byte = pair[0] << 4 | pair[1] & 0xF;
    }
    good.then_some(mac)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::{Encoding, Mac, parse};

    const MAC: Mac = *b"\x00\x01\x0a\x10\x7f\x80\x9f\xa0\xaf\xf0\xff\xfe0123456789abcdefghij";

    fn lower() -> String {
        MAC.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn both_encodings_are_read() {
        let mixed: String = lower()
            .chars()
            .enumerate()
            .map(|(at, c)| if at % 3 == 0 { c.to_ascii_uppercase() } else { c })
            .collect();
        for hex in [lower(), lower().to_uppercase(), mixed] {
            assert_eq!(parse(hex.as_bytes()), Some((Encoding::Hex, MAC)), "{hex}");
        }
        assert_eq!(
            parse(STANDARD.encode(MAC).as_bytes()),
            Some((Encoding::Base64, MAC))
        );
    }

    #[test]
    fn every_byte_that_is_no_hex_digit_is_refused() {
        for at in 0..64 {
            for byte in 0..=255_u8 {
                let mut value = lower().into_bytes();
                value[at] = byte;
                let digit = char::from(byte).to_digit(16);
                let read = parse(&value).map(|(_, mac)| (mac[at / 2] >> (4 * (1 - at % 2)) & 0xF).into());
                assert_eq!(read, digit, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let hex = lower();
        let base64 = STANDARD.encode(MAC);
        let url_safe = base64.replace('/', "_").replace('+', "-");
        assert_ne!(base64, url_safe);
        // The last character before the padding has two bits too many, which have to be zero.
        let trailing = base64.replace("o=", "p=");
        assert_ne!(base64, trailing);
        for value in [
            "",
            &hex[..63],
            &hex[..44],
            &format!("{hex}0"),
            &format!("{hex}{hex}"),
            &format!(" {hex}"),
            &format!("{hex}\n"),
            &format!("0x{}", &hex[2..]),
            &format!("sha256={hex}"),
            &base64[..43],
            &format!("{}==", &base64[..42]),
            &format!("{base64}="),
            &format!("{}\n", &base64[..43]),
            &format!(" {}", &base64[..43]),
            &url_safe,
            &trailing,
            &STANDARD.encode([0; 31]),
            &STANDARD.encode([0; 33]),
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value:?}");
        }
    }
}
