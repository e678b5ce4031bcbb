//! The signature header of an explained request.

use std::fmt;

use http::HeaderMap;

use crate::signature::header::{self, Encoding, HEADER, HEADER_NAME, Mac};

/// The `x-apideck-signature` header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// The request has no such header.
    Missing,
    /// The request has several such headers. Holds their number.
    Repeated(usize),
    /// The value is a list of several signatures, as a proxy makes it of several headers. Holds
    /// their number.
    Folded(usize),
    /// The value is not a signature. Holds its length in bytes.
    Malformed(usize),
    /// The value has other characters around a signature, such as `sha256=` or quotes. Holds the
    /// signature's encoding.
    Wrapped(Encoding),
    /// The value is a signature in this encoding.
    Good(Encoding),
}

impl Header {
    /// Reads the header of a request. The MAC is `None` if there is no signature to compare with.
    pub(super) fn read(headers: &HeaderMap) -> (Self, Option<Mac>) {
        let mut values = headers.get_all(&HEADER_NAME).iter();
        let value = match (values.next(), values.count()) {
            (None, _) => return (Self::Missing, None),
            (Some(value), 0) => value.as_bytes(),
            (Some(_), more) => return (Self::Repeated(1 + more), None),
        };
        match header::parse(value) {
            Some((encoding, mac)) => (Self::Good(encoding), Some(mac)),
            None => {
                let folded = header::count_folded(value).map(Self::Folded);
                let wrapped = || header::find_wrapped(value).map(Self::Wrapped);
                let found = folded.or_else(wrapped);
                (found.unwrap_or(Self::Malformed(value.len())), None)
            }
        }
    }
}

/// Prints the beginning of an explanation.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "there is no {HEADER} header"),
            Self::Repeated(count) => write!(f, "there are {count} {HEADER} headers instead of one"),
            Self::Folded(count) => write!(
                f,
                "the {HEADER} header is a list of {count} signatures. A proxy may have folded several headers into one"
            ),
            Self::Malformed(length) => write!(
                f,
                "the {HEADER} header is neither 64 hexadecimal digits nor 44 characters of base64. Its value has \
                 {length} bytes"
            ),
            Self::Wrapped(encoding) => write!(
                f,
                "the {HEADER} header has other characters around its signature ({}), such as `sha256=` or quotes",
                encoding.name()
            ),
            Self::Good(encoding) => write!(f, "the {HEADER} header is a signature ({})", encoding.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::Header;
    use crate::signature::{Encoding, Form, HEADER, Secret, sign::sign};

    fn read(values: &[&str]) -> Header {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).unwrap());
        }
        Header::read(&headers).0
    }

    #[test]
    fn missing_repeated_and_malformed_headers_are_told_apart() {
        assert_eq!(read(&[]), Header::Missing);
        assert_eq!(read(&["x", "x", "x"]), Header::Repeated(3));
        assert_eq!(read(&["sha256=00"]), Header::Malformed(9));
        let (hex, base64) = ("0".repeat(64), format!("{}A=", "A".repeat(42)));
        assert_eq!(read(&[&format!("{hex}, {hex},{base64}")]), Header::Folded(3));
        assert_eq!(read(&[&format!("v1,{hex}")]), Header::Wrapped(Encoding::Hex));
    }

    #[test]
    fn a_signature_is_found_within_other_characters() {
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let signature = sign(&Secret::new("key").unwrap(), b"{}", Form::Raw, encoding).unwrap();
            for (before, after) in [
                ("sha256=", ""),
                ("v1,", ""),
                ("t=1,v1=", ""),
                ("HMAC-SHA256 ", ""),
                ("\"", "\""),
            ] {
                let header = read(&[&format!("{before}{signature}{after}")]);
                assert_eq!(header, Header::Wrapped(encoding), "{before}");
            }
            let header = read(&[&format!("0{signature}")]);
            assert_eq!(header, Header::Malformed(signature.len() + 1));
            assert_eq!(read(&[&signature]), Header::Good(encoding));
        }
    }
}
