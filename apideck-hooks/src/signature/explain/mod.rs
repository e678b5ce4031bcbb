//! Explanations of refused signatures.
//!
//! # How it works
//!
//! The explanation reads the header first (`header`). Without a well-formed signature there is
//! nothing to compare, and only the header and the body are described.
//!
//! Otherwise it computes all three forms and compares the signature with each accepted one, so that
//! the operator sees what was tried. If none matches, it tries the forms that the configuration
//! excludes, the secret without quotes or the like around it, and then texts that are close to the
//! body (`near`). The verifier never accepts these.
//! They only tell what happened to the body on its way.
//!
//! The body itself (`body`) is always described, because that needs no signature.

mod body;
mod header;
mod near;

use std::fmt;

use http::HeaderMap;

use super::{
    Form, Forms,
    canonical::{NotCanonical, Sorting, canonical},
    header::Mac,
    keyed_secrets::KeyedSecrets,
};

pub use body::Body;
pub use header::Header;
pub use near::Near;

/// The address of the troubleshooting section in the documentation of
/// [`signature`](crate::signature).
pub const TROUBLESHOOTING: &str =
    "https://docs.rs/apideck-hooks/latest/apideck_hooks/signature/index.html#troubleshooting";

/// An explanation of a request's signature. [`Verifier::explain`](super::Verifier::explain) makes
/// it.
///
/// It is meant for an operator's log, and `Display` prints it as one line. It contains no part of
/// the body, the secrets or the MACs. Do not send it in a response, because it tells a stranger how
/// the receiver is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The `x-apideck-signature` header.
    pub header: Header,
    /// The accepted forms with their results. Empty if the header holds no signature.
    pub forms: Vec<(Form, Found)>,
    /// A text close to the body that the signature belongs to. `None` if there is no such text, or
    /// if an accepted form matches.
    pub near: Option<Near>,
    /// The number of secrets that were tried with each form.
    pub secrets: usize,
    /// Facts about the body.
    pub body: Body,
}

/// The result of comparing the signature with one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The signature belongs to this form. Holds the index of the secret.
    Match(usize),
    /// The signature does not belong to this form.
    Mismatch,
    /// The form is the same bytes as this earlier one.
    Same(Form),
    /// The body has no such form.
    NoText(NotCanonical),
}

/// Explains the header of a request whose body was not read.
pub(super) fn explain_header(headers: &HeaderMap) -> String {
    let (header, _) = Header::read(headers);
    format!("{header}. The body was not read. See {TROUBLESHOOTING}")
}

/// A form with its bytes, or with the reason why the body has no such form.
type FormText<'a> = (Form, Result<&'a [u8], &'a NotCanonical>);

impl Explanation {
    pub(super) fn new(keys: &KeyedSecrets, forms: Forms, headers: &HeaderMap, body: &[u8]) -> Self {
        let (header, mac) = Header::read(headers);
        let sorted = canonical(body, Sorting::OutsideArrays);
        let mut explanation = Self {
            header,
            forms: Vec::new(),
            near: None,
            secrets: keys.count(),
            body: Body::new(headers, body, sorted.as_ref()),
        };
        let Some(mac) = mac else {
            return explanation;
        };

        let in_arrays = match &sorted {
            Ok(sorted) if sorted.differs() => Some(canonical(body, Sorting::Everywhere)),
            _ => None,
        };
        let sorted = sorted.as_ref().map(|sorted| sorted.text(body));
        let in_arrays = match &in_arrays {
            Some(in_arrays) => in_arrays.as_ref().map(|in_arrays| in_arrays.text(body)),
            None => sorted,
        };
        let texts = [
            (Form::Raw, Ok(body)),
            (Form::Sorted, sorted),
            (Form::SortedInArrays, in_arrays),
        ];
        let (accepted, excluded): (Vec<_>, Vec<_>) =
            texts.into_iter().partition(|(form, _)| forms.allow(*form));
        explanation.forms = compare(keys, &mac, &accepted);
        if !explanation.is_match() {
            let excluded = excluded
                .into_iter()
                .find(|(_, text)| text.is_ok_and(|text| keys.find(&mac, text).is_some()));
            let bare = accepted
                .iter()
                .any(|(_, text)| text.is_ok_and(|text| keys.is_of_bare(&mac, text)));
            explanation.near = match excluded {
                Some((form, _)) => Some(Near::LeftOut(form)),
                None if bare => Some(Near::BareSecret),
                None => Near::find(keys, &mac, body),
            };
        }
        explanation
    }

    /// Returns `true` if the signature is valid.
    pub fn is_match(&self) -> bool {
        self.forms
            .iter()
            .any(|(_, found)| matches!(found, Found::Match(_)))
    }
}

/// Compares the signature with each form. Forms that are the same bytes are compared once.
fn compare(keys: &KeyedSecrets, mac: &Mac, texts: &[FormText<'_>]) -> Vec<(Form, Found)> {
    let mut compared: Vec<(Form, &[u8])> = Vec::new();
    let mut results = Vec::new();
    for &(form, text) in texts {
        let found = match text {
            Err(fault) => Found::NoText(*fault),
            Ok(text) => match compared.iter().find(|(_, other)| *other == text) {
                Some((same, _)) => Found::Same(*same),
                None => {
                    compared.push((form, text));
                    keys.find(mac, text).map_or(Found::Mismatch, Found::Match)
                }
            },
        };
        results.push((form, found));
    }
    results
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. ", self.header)?;
        for (form, found) in &self.forms {
            let form = form.name();
            match found {
                Found::Match(secret) => {
                    write!(
                        f,
                        "The signature matches the form `{form}` with the secret at index {secret}. "
                    )?;
                }
                Found::Mismatch if self.secrets == 1 => {
                    write!(
                        f,
                        "The signature does not match the form `{form}` with the secret. "
                    )?;
                }
                Found::Mismatch => {
                    write!(
                        f,
                        "The signature does not match the form `{form}` with any of the {} secrets. ",
                        self.secrets
                    )?;
                }
                Found::Same(same) => write!(f, "The form `{form}` is the same as `{}`. ", same.name())?,
                Found::NoText(_) => write!(f, "The body has no form `{form}`. ")?,
            }
        }
        if let Some(near) = self.near {
            write!(f, "{near}. ")?;
        }
        write!(f, "{}. See {TROUBLESHOOTING}", self.body)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

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
    fn a_missing_header_is_explained() {
        let explanation = explain(None, "{}");
        assert_eq!(explanation.header, Header::Missing);
        assert!(explanation.forms.is_empty());
        assert_eq!(
            explanation.to_string(),
            format!("there is no x-apideck-signature header. The body has 2 bytes. See {TROUBLESHOOTING}")
        );
    }

    #[test]
    fn a_wrapped_signature_is_compared_with_no_form() {
        let signature = sign(&secret(), b"{}", Form::Raw, Encoding::Hex).unwrap();
        let explanation = explain(Some(&format!("sha256={signature}")), "{}");
        assert_eq!(explanation.header, Header::Wrapped(Encoding::Hex));
        assert!(!explanation.is_match() && explanation.forms.is_empty());
        assert!(explanation.to_string().contains("around its signature"));
    }

    #[test]
    fn a_signature_of_a_text_close_to_the_body_is_explained() {
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
            assert!(explanation.to_string().contains("The signature belongs to"));
        }
        assert_eq!(explain(Some(&"0".repeat(64)), "{ }\n").near, None);
    }

    #[test]
    fn a_signature_of_an_excluded_form_is_explained() {
        let signature = sign(&secret(), b"{\"b\":1,\"a\":1}", Form::Sorted, Encoding::Hex).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(&signature).unwrap());
        let verifier = Verifier::new([secret()]).unwrap().forms(Forms::RawOnly);
        let explanation = verifier.explain(&headers, b"{\"b\":1,\"a\":1}");
        assert_eq!(explanation.near, Some(Near::LeftOut(Form::Sorted)));
    }

    #[test]
    fn a_secret_with_something_around_it_is_explained() {
        let signature = sign(&secret(), b"{\"b\":1,\"a\":1}", Form::Sorted, Encoding::Hex).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(&signature).unwrap());
        for decorated in [
            "\"key\"",
            "'key'",
            "key\n",
            " key",
            "Bearer key",
            "bearer \"key\"\r\n",
        ] {
            let verifier = Verifier::new([Secret::new(decorated).unwrap()]).unwrap();
            let explanation = verifier.explain(&headers, b"{\"b\":1,\"a\":1}");
            assert_eq!(explanation.near, Some(Near::BareSecret), "{decorated:?}");
        }
    }

    #[test]
    fn every_accepted_form_is_explained() {
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
                "the x-apideck-signature header is a signature (hex). The signature does not match the form `raw` \
                 with any of the 2 secrets. The form `sorted` is the same as `raw`. The form `sorted_in_arrays` is \
                 the same as `raw`. The body has 7 bytes. See {TROUBLESHOOTING}"
            )
        );
    }

    #[test]
    fn only_accepted_forms_are_compared() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(&"0".repeat(64)).unwrap());
        let verifier = Verifier::new([secret()]).unwrap().forms(Forms::RawOnly);
        assert_eq!(
            verifier.explain(&headers, b"{}").forms,
            [(Form::Raw, Found::Mismatch)]
        );
    }
}
