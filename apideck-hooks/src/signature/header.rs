//! The value of the header `x-apideck-signature`.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderName;

/// The header that carries the signature.
///
/// Source: Apideck's webhook reference.
pub const HEADER: &str = "x-apideck-signature";

/// The encoding of a signature.
///
/// Both encodings are accepted, because Apideck's documents disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// 64 hexadecimal digits. Both cases are read, also mixed. Lower case is written.
    ///
    /// Source: the examples of Apideck's OpenAPI description.
    Hex,
    /// 44 characters of standard base64 with padding (RFC 4648, section 4).
    ///
    /// Source: Apideck's example for coding assistants.
    Base64,
}

impl Encoding {
    /// Returns a short name for logs and metrics: `hex` or `base64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

/// [`HEADER`] as a name, which is parsed once and not for every request.
pub(super) static HEADER_NAME: HeaderName = HeaderName::from_static(HEADER);

/// The bytes of an HMAC-SHA-256.
pub(super) type Mac = [u8; 32];

const HEX_LENGTH: usize = 64;
const BASE64_LENGTH: usize = 44;

/// Decodes the value of the header.
///
/// Parsing is strict. Only one base64 text is accepted for each MAC, and its hexadecimal digits may
/// vary only in case. Whitespace around the value is refused.
#[inline]
pub(super) fn parse(value: &[u8]) -> Option<(Encoding, Mac)> {
    match value.len() {
        HEX_LENGTH => Some((Encoding::Hex, decode_hex(value.as_array()?)?)),
        BASE64_LENGTH => {
            let mut mac = Mac::default();
            // The engine refuses missing padding and trailing bits that are not zero.
            (STANDARD.decode_slice(value, &mut mac) == Ok(mac.len())).then_some((Encoding::Base64, mac))
        }
        _ => None,
    }
}

/// Counts the signatures in a value into which a proxy has folded several headers (RFC 9110,
/// section 5.2). `None` if the value is not a list of two or more signatures.
pub(super) fn count_folded(value: &[u8]) -> Option<usize> {
    let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let all = parts.clone().all(|part| parse(part).is_some());
    let count = parts.by_ref().count();
    (all && count > 1).then_some(count)
}

/// Finds a signature that has other characters around it, and returns its encoding.
///
/// It looks at the end of the value, after removing quotes and spaces from both ends. The character
/// before the signature must separate it from the rest, as in `sha256=` or `t=1,v1=`.
pub(super) fn find_wrapped(value: &[u8]) -> Option<Encoding> {
    let value = str::from_utf8(value).ok()?.trim_matches(['"', '\'', ' ', '\t']);
    let ends =
        [HEX_LENGTH, BASE64_LENGTH].map(|length| value.split_at_checked(value.len().checked_sub(length)?));
    ends.into_iter().flatten().find_map(|(before, signature)| {
        let separate = before.is_empty() || before.ends_with(['=', ',', ':', ' ', '"']);
        let (encoding, _) = parse(signature.as_bytes())?;
        separate.then_some(encoding)
    })
}

/// Decodes hexadecimal digits.
///
/// It has neither branches nor tables, so that the compiler can use vector instructions.
#[inline]
fn decode_hex(digits: &[u8; HEX_LENGTH]) -> Option<Mac> {
    let mut nibbles = [0; HEX_LENGTH];
    let mut valid = true;
    for (nibble, &digit) in nibbles.iter_mut().zip(digits) {
        let decimal = digit.wrapping_sub(b'0');
        let letter = (digit | 0x20).wrapping_sub(b'a');
        valid &= (decimal < 10) | (letter < 6);
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
    valid.then_some(mac)
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
    fn a_byte_that_is_not_a_hexadecimal_digit_is_refused() {
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
    fn values_that_are_almost_signatures_are_refused() {
        let hex = lower();
        let base64 = STANDARD.encode(MAC);
        let url_safe = base64.replace('/', "_").replace('+', "-");
        assert_ne!(base64, url_safe);
        // The last character before the padding has two spare bits, which must be zero.
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
