//! Why a signature is refused, as far as it can be told.

use std::fmt;

use http::HeaderMap;

use super::{
    Encoding, Text, Texts,
    canonical::{Form, NotCanonical, Rewritten, canonical},
    header::{self, HEADER, NAME},
    keys::Keys,
};

/// The chapter for those whose signatures are refused.
pub const TROUBLESHOOTING: &str =
    "https://docs.rs/apideck-hooks/latest/apideck_hooks/signature/index.html#troubleshooting";

/// What there is to say about a request's signature. Made by [`Verifier::explain`](super::Verifier::explain).
///
/// It is for the operator's log, and printed it is one line. It holds nothing of the body, the secrets or the MACs, but says
/// more than a stranger should be told: do not put it into an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What the `x-apideck-signature` header is.
    pub header: Header,
    /// The texts that are accepted, and what became of each. Empty if there was no signature to look for.
    pub texts: Vec<(Text, Found)>,
    /// How many secrets were tried with each text.
    pub secrets: usize,
    /// What the body looks like.
    pub body: Body,
}

/// The `x-apideck-signature` header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// There is none.
    Missing,
    /// There are so many, where there should be one.
    Repeated(usize),
    /// Its value is no signature. So many bytes long.
    Malformed(usize),
    /// Its value is a signature, written like this.
    Good(Encoding),
}

/// What became of the search for the signature of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The signature is of this text, with the secret at this position in the list.
    Match(usize),
    /// The signature is of something else.
    Mismatch,
    /// The text is the same as this one before it.
    Same(Text),
    /// The body has no such text.
    NoText(NotCanonical),
}

/// Signs that a body is not what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Body {
    /// Its length in bytes.
    pub length: usize,
    /// Why it is no JSON that could be sorted.
    pub fault: Option<NotCanonical>,
    /// It is pretty-printed, or there is other whitespace between its tokens, such as a newline at the end.
    pub whitespace: bool,
    /// It has escapes that JavaScript does not print, such as `\u00e9` or `\/`.
    pub escapes: bool,
    /// It has numbers that JavaScript prints differently, such as `1.0`.
    pub numbers: bool,
}

impl Explanation {
    pub(super) fn new(keys: &Keys, texts: Texts, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut values = headers.get_all(&NAME).iter();
        let (header, mac) = match (values.next(), values.count()) {
            (None, _) => (Header::Missing, None),
            (Some(value), 0) => match header::parse(value.as_bytes()) {
                Some((encoding, mac)) => (Header::Good(encoding), Some(mac)),
                None => (Header::Malformed(value.len()), None),
            },
            (Some(_), more) => (Header::Repeated(1 + more), None),
        };

        let mut found: Vec<(Text, Found)> = Vec::new();
        let mut seen: Vec<(Text, Vec<u8>)> = Vec::new();
        if let Some(mac) = mac {
            for which in Text::ALL.into_iter().filter(|&text| texts.allow(text)) {
                let text = match which.form().map(|form| canonical(body, form)) {
                    None => body.to_vec(),
                    Some(Ok(canonical)) => canonical.into_text(body),
                    Some(Err(fault)) => {
                        found.push((which, Found::NoText(fault)));
                        continue;
                    }
                };
                if let Some((same, _)) = seen.iter().find(|(_, other)| *other == text) {
                    found.push((which, Found::Same(*same)));
                    continue;
                }
                found.push((
                    which,
                    keys.find(&mac, &text).map_or(Found::Mismatch, Found::Match),
                ));
                seen.push((which, text));
            }
        }
        Self {
            header,
            texts: found,
            secrets: keys.count(),
            body: Body::new(body),
        }
    }

    /// Whether the signature is right.
    pub fn is_match(&self) -> bool {
        self.texts
            .iter()
            .any(|(_, found)| matches!(found, Found::Match(_)))
    }
}

impl Body {
    fn new(body: &[u8]) -> Self {
        let (fault, rewritten) = match canonical(body, Form::Sorted) {
            Ok(canonical) => (None, canonical.rewritten()),
            Err(fault) => (Some(fault), Rewritten::default()),
        };
        let Rewritten {
            whitespace,
            escapes,
            numbers,
        } = rewritten;
        Self {
            length: body.len(),
            fault,
            whitespace,
            escapes,
            numbers,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.header {
            Header::Missing => write!(f, "there is no {HEADER} header")?,
            Header::Repeated(count) => write!(f, "there are {count} {HEADER} headers instead of one")?,
            Header::Malformed(length) => write!(
                f,
                "the {HEADER} header has {length} bytes that are neither 64 hexadecimal digits nor 44 characters of base64"
            )?,
            Header::Good(encoding) => write!(f, "the signature ({})", encoding.name())?,
        }
        let secrets = if self.secrets == 1 { "secret" } else { "secrets" };
        for (at, (text, found)) in self.texts.iter().enumerate() {
            let name = text.name();
            f.write_str(if at == 0 { " " } else { "; " })?;
            match found {
                Found::Match(secret) => write!(f, "matches the text `{name}` with secret {secret}")?,
                Found::Mismatch => {
                    write!(
                        f,
                        "does not match the text `{name}` with any of {} {secrets}",
                        self.secrets
                    )?;
                }
                Found::Same(same) => write!(f, "the text `{name}` is the same as `{}`", same.name())?,
                Found::NoText(_) => write!(f, "there is no text `{name}`")?,
            }
        }
        write!(f, "; {}; see {TROUBLESHOOTING}", self.body)
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length == 0 {
            return f.write_str("the body is empty: something may have read it before");
        }
        write!(f, "the body has {} bytes", self.length)?;
        let signs = [
            (self.whitespace, "whitespace between its tokens"),
            (self.escapes, "escapes that JavaScript does not print"),
            (self.numbers, "numbers that JavaScript prints differently"),
        ];
        for (_, sign) in signs.iter().filter(|(seen, _)| *seen) {
            write!(f, " and {sign}")?;
        }
        if signs.iter().any(|(seen, _)| *seen) {
            f.write_str(", so something may have parsed and printed it again")?;
        }
        match self.fault {
            Some(fault) if fault.is_truncated() => write!(f, "; {fault}, so it may have been cut short"),
            Some(fault) if fault.is_not_utf8() => write!(f, "; {fault}, so it may be compressed"),
            Some(fault) => write!(f, "; {fault}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{Explanation, Found, Header, TROUBLESHOOTING};
    use crate::signature::{Encoding, HEADER, Secret, Text, Texts, Verifier, sign::sign};

    fn secret() -> Secret {
        Secret::new("key").unwrap()
    }

    fn explain(signature: Option<&str>, body: &str) -> Explanation {
        let mut headers = HeaderMap::new();
        if let Some(signature) = signature {
            headers.insert(HEADER, HeaderValue::from_str(signature).unwrap());
        }
        Verifier::new([Secret::new("other").unwrap(), secret()])
            .unwrap()
            .explain(&headers, body.as_bytes())
    }

    #[test]
    fn a_missing_header_is_told() {
        let explanation = explain(None, "{}");
        assert_eq!(explanation.header, Header::Missing);
        assert!(explanation.texts.is_empty());
        assert_eq!(
            explanation.to_string(),
            format!("there is no x-apideck-signature header; the body has 2 bytes; see {TROUBLESHOOTING}")
        );
    }

    #[test]
    fn repeated_and_malformed_headers_are_told() {
        let mut headers = HeaderMap::new();
        for _ in 0..3 {
            headers.append(HEADER, HeaderValue::from_static("x"));
        }
        let verifier = Verifier::new([secret()]).unwrap();
        assert_eq!(verifier.explain(&headers, b"{}").header, Header::Repeated(3));
        assert_eq!(explain(Some("sha256=00"), "{}").header, Header::Malformed(9));
    }

    #[test]
    fn every_text_is_told() {
        let body = r#"{"b":[{"d":1,"c":2}],"a":1}"#;
        let signature = sign(&secret(), body.as_bytes(), Text::SortedInArrays, Encoding::Base64).unwrap();
        let explanation = explain(Some(&signature), body);
        assert_eq!(explanation.header, Header::Good(Encoding::Base64));
        assert!(explanation.is_match());
        assert_eq!(
            explanation.texts,
            [
                (Text::Raw, Found::Mismatch),
                (Text::Sorted, Found::Mismatch),
                (Text::SortedInArrays, Found::Match(1))
            ]
        );

        let explanation = explain(Some(&"0".repeat(64)), r#"{"a":1}"#);
        assert!(!explanation.is_match());
        assert_eq!(
            explanation.to_string(),
            format!(
                "the signature (hex) does not match the text `raw` with any of 2 secrets; the text `sorted` is the same as \
                 `raw`; the text `sorted_in_arrays` is the same as `raw`; the body has 7 bytes; see {TROUBLESHOOTING}"
            )
        );
    }

    #[test]
    fn only_accepted_texts_are_looked_at() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(&"0".repeat(64)).unwrap());
        let verifier = Verifier::new([secret()]).unwrap().texts(Texts::RawOnly);
        assert_eq!(
            verifier.explain(&headers, b"{}").texts,
            [(Text::Raw, Found::Mismatch)]
        );
    }

    #[test]
    fn a_body_that_was_printed_again_is_told() {
        let body = explain(None, "{ \"a\": \"\\u00e9\", \"b\": 1.0 }").body;
        assert!(body.whitespace && body.escapes && body.numbers);
        let body = explain(None, "{\"a\":\"é\",\"b\":1}").body;
        assert!(!body.whitespace && !body.escapes && !body.numbers);
    }

    #[test]
    fn a_body_that_is_no_json_is_told() {
        assert!(explain(None, "{\"a\":[1,").body.fault.unwrap().is_truncated());
        assert!(
            explain(None, "\u{feff}{}")
                .body
                .fault
                .unwrap()
                .is_byte_order_mark()
        );
        assert!(explain(None, &"[".repeat(129)).body.fault.unwrap().is_limit());
        assert_eq!(explain(None, "{]").body.fault.unwrap().offset(), 1);
    }
}
