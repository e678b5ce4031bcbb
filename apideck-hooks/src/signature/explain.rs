//! Why a signature is refused, as far as it can be told.

mod body;
mod near;

use std::fmt;

use http::HeaderMap;

use super::{
    Encoding, Form, Forms,
    canonical::{NotCanonical, Sorting, canonical},
    header::{self, HEADER, Mac, NAME},
    keyed_secrets::KeyedSecrets,
};

pub use body::Body;
pub use near::Near;

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
    pub forms: Vec<(Form, Found)>,
    /// What the signature is of, if it is of something close to the body.
    pub near: Option<Near>,
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
    /// Its value has a signature in it that is written like this, and something around it, such as `sha256=` or quotes.
    Wrapped(Encoding),
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
    Same(Form),
    /// The body has no such text.
    NoText(NotCanonical),
}

impl Explanation {
    pub(super) fn new(keys: &KeyedSecrets, forms: Forms, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut values = headers.get_all(&NAME).iter();
        let (header, mac) = match (values.next(), values.count()) {
            (None, _) => (Header::Missing, None),
            (Some(value), 0) => match header::parse(value.as_bytes()) {
                Some((encoding, mac)) => (Header::Good(encoding), Some(mac)),
                None => match header::unwrap(value.as_bytes()) {
                    Some(encoding) => (Header::Wrapped(encoding), None),
                    None => (Header::Malformed(value.len()), None),
                },
            },
            (Some(_), more) => (Header::Repeated(1 + more), None),
        };

        let sorted = canonical(body, Sorting::OutsideArrays);
        let mut explanation = Self {
            header,
            forms: Vec::new(),
            near: None,
            secrets: keys.count(),
            body: Body::new(headers, body, sorted.as_ref()),
        };
        if let Some(mac) = mac {
            let in_arrays = match &sorted {
                Ok(sorted) if sorted.differs() => Some(canonical(body, Sorting::Everywhere)),
                _ => None,
            };
            let sorted = sorted.as_ref().map(|sorted| sorted.text(body));
            let in_arrays = match &in_arrays {
                Some(in_arrays) => in_arrays.as_ref().map(|in_arrays| in_arrays.text(body)),
                None => sorted,
            };
            let all = [
                (Form::Raw, Ok(body)),
                (Form::Sorted, sorted),
                (Form::SortedInArrays, in_arrays),
            ];
            let (accepted, left_out): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|(form, _)| forms.allow(*form));
            explanation.find(keys, &mac, &accepted);
            if !explanation.is_match() {
                let left_out = left_out
                    .into_iter()
                    .find(|(_, text)| text.is_ok_and(|text| keys.find(&mac, text).is_some()));
                explanation.near = match left_out {
                    Some((text, _)) => Some(Near::LeftOut(text)),
                    None => Near::find(keys, &mac, body),
                };
            }
        }
        explanation
    }

    fn find(&mut self, keys: &KeyedSecrets, mac: &Mac, texts: &[(Form, Result<&[u8], &NotCanonical>)]) {
        let mut seen: Vec<(Form, &[u8])> = Vec::new();
        for &(form, text) in texts {
            let found = match text {
                Err(fault) => Found::NoText(*fault),
                Ok(text) => match seen.iter().find(|(_, other)| *other == text) {
                    Some((same, _)) => Found::Same(*same),
                    None => {
                        seen.push((form, text));
                        keys.find(mac, text).map_or(Found::Mismatch, Found::Match)
                    }
                },
            };
            self.forms.push((form, found));
        }
    }

    /// Whether the signature is right.
    pub fn is_match(&self) -> bool {
        self.forms
            .iter()
            .any(|(_, found)| matches!(found, Found::Match(_)))
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
            Header::Wrapped(encoding) => write!(
                f,
                "the {HEADER} header has something around its signature ({}), such as `sha256=` or quotes, where there \
                 should be none",
                encoding.name()
            )?,
            Header::Good(encoding) => write!(f, "the signature ({})", encoding.name())?,
        }
        let secrets = if self.secrets == 1 { "secret" } else { "secrets" };
        for (at, (text, found)) in self.forms.iter().enumerate() {
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
        if let Some(near) = self.near {
            write!(f, "; {near}")?;
        }
        write!(f, "; {}; see {TROUBLESHOOTING}", self.body)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_LENGTH};

    use super::{Explanation, Found, Header, Near, TROUBLESHOOTING};
    use crate::signature::{Encoding, Form, Forms, HEADER, Secret, Verifier, sign::sign};

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
        assert!(explanation.forms.is_empty());
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
    fn what_is_around_a_signature_is_told() {
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let signature = sign(&secret(), b"{}", Form::Raw, encoding).unwrap();
            for (before, after) in [
                ("sha256=", ""),
                ("v1,", ""),
                ("t=1,v1=", ""),
                ("HMAC-SHA256 ", ""),
                ("\"", "\""),
            ] {
                let explanation = explain(Some(&format!("{before}{signature}{after}")), "{}");
                assert_eq!(explanation.header, Header::Wrapped(encoding), "{before}");
                assert!(!explanation.is_match() && explanation.forms.is_empty());
                assert!(explanation.to_string().contains("around its signature"));
            }
            let explanation = explain(Some(&format!("0{signature}")), "{}");
            assert_eq!(explanation.header, Header::Malformed(signature.len() + 1));
        }
    }

    #[test]
    fn a_signature_of_nearly_the_body_is_told() {
        let reprinted = "{\"b\":1,\"a\":\"é\"}";
        for (signed, body, near) in [
            ("", reprinted, Near::Empty),
            (reprinted, "{\"b\":1,\"a\":\"é\"}\n", Near::Trimmed),
            ("{\"b\":1}\n", "{\"b\":1}", Near::Newline),
            ("{\"b\":1}\r\n", "{\"b\":1}", Near::Newline),
            (reprinted, "\u{feff}{\"b\":1,\"a\":\"é\"}", Near::NoMark),
            (reprinted, "{ \"b\": 1.0, \"a\": \"\\u00e9\" }", Near::Reprinted),
        ] {
            let signature = sign(&secret(), signed.as_bytes(), Form::Raw, Encoding::Hex).unwrap();
            let explanation = explain(Some(&signature), body);
            assert!(!explanation.is_match());
            assert_eq!(explanation.near, Some(near), "{body}");
            assert!(explanation.to_string().contains("it is the signature of"));
        }
        assert_eq!(explain(Some(&"0".repeat(64)), "{ }\n").near, None);
    }

    #[test]
    fn a_text_that_is_left_out_is_told() {
        let signature = sign(&secret(), b"{\"b\":1,\"a\":1}", Form::Sorted, Encoding::Hex).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(&signature).unwrap());
        let verifier = Verifier::new([secret()]).unwrap().forms(Forms::RawOnly);
        let explanation = verifier.explain(&headers, b"{\"b\":1,\"a\":1}");
        assert_eq!(explanation.near, Some(Near::LeftOut(Form::Sorted)));
    }

    #[test]
    fn another_length_than_announced_is_told() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("921"));
        let verifier = Verifier::new([secret()]).unwrap();
        let explanation = verifier.explain(&headers, b"{\"a\":");
        assert_eq!(explanation.body.announced, Some(921));
        assert!(
            explanation
                .to_string()
                .contains("5 bytes where content-length says 921")
        );
        assert_eq!(verifier.explain(&headers, &[b' '; 921]).body.announced, None);
    }

    #[test]
    fn every_text_is_told() {
        let body = r#"{"b":[{"d":1,"c":2}],"a":1}"#;
        let signature = sign(&secret(), body.as_bytes(), Form::SortedInArrays, Encoding::Base64).unwrap();
        let explanation = explain(Some(&signature), body);
        assert_eq!(explanation.header, Header::Good(Encoding::Base64));
        assert!(explanation.is_match());
        assert_eq!(
            explanation.forms,
            [
                (Form::Raw, Found::Mismatch),
                (Form::Sorted, Found::Mismatch),
                (Form::SortedInArrays, Found::Match(1))
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
        let verifier = Verifier::new([secret()]).unwrap().forms(Forms::RawOnly);
        assert_eq!(
            verifier.explain(&headers, b"{}").forms,
            [(Form::Raw, Found::Mismatch)]
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
