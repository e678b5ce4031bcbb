//! The verifier.
//!
//! # How it works
//!
//! A signature does not say which form of the body it belongs to. So the verifier computes the MAC
//! of one form after the other until one matches. A sender should sign the same form every time, so
//! the form that matched last, the hint, is tried first. The hint changes the order and never the
//! verdict, because a body is refused only after every accepted form was tried.
//!
//! The hint is one atomic byte, and all its accesses are `Relaxed`. It protects no other memory,
//! and any value of it gives a correct order. It is written only when it changes: the threads share
//! its cache line as long as they only read it.

use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    Encoding, Explanation, Form, Forms, Matched, Secret, SecretError, Verified, VerifiedText, VerifyError,
    error::VerifyErrorKind,
    explain::explain_header,
    header::{self, HEADER_NAME, Mac},
    keyed_secrets::KeyedSecrets,
    search::Search,
    verified::SignedText,
};

/// Verifies that bodies come from Apideck.
///
/// It can be shared between threads and takes no lock. It remembers the form that matched last and
/// tries it first. It refuses a body only after it has tried every accepted form.
///
/// ```
/// use apideck_hooks::signature::{Form, Secret, Verifier};
/// use bytes::Bytes;
///
/// let verifier = Verifier::new([Secret::new("my-api-key")?])?;
/// let body = Bytes::from_static(br#"{"payload":{"event_type":"crm.lead.created"}}"#);
///
/// let signature = "0".repeat(64);
/// assert!(verifier.verify_signature(signature, &body).unwrap_err().is_mismatch());
///
/// let signature = "77f4f15211ffc257f66dfd3b4c4f844239d441efb462c4894e10c9f3ad139f95";
/// let verified = verifier.verify_signature(signature, &body)?;
/// assert_eq!(verified.text(), &body);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # In another framework
///
/// A verifier needs the request's headers and the bytes of its body as they were received, before
/// any parsing or decoding.
///
/// ```
/// use apideck_hooks::signature::Verifier;
/// use bytes::Bytes;
/// use http::{HeaderMap, StatusCode};
///
/// /// Returns the verified event, or the status to respond with.
/// fn receive(
///     verifier: &Verifier,
///     headers: &HeaderMap,
///     body: Bytes,
/// ) -> Result<serde_json::Value, StatusCode> {
///     let verified = verifier.verify(headers, &body).map_err(|_| {
///         // For the operator only. It takes up to twice as long as the refusal itself, so limit
///         // how often it is called.
///         eprintln!("{}", verifier.explain(headers, &body));
///         StatusCode::UNAUTHORIZED
///     })?;
///     // The verified text and not `body`, because parts of the body may be unsigned.
///     serde_json::from_slice(verified.text()).map_err(|_| StatusCode::BAD_REQUEST)
/// }
/// # use apideck_hooks::signature::{HEADER, Secret};
/// # let verifier = Verifier::new([Secret::new("my-api-key").unwrap()]).unwrap();
/// # let body = Bytes::from_static(br#"{"payload":{"event_type":"crm.lead.created"}}"#);
/// # let mut headers = HeaderMap::new();
/// # assert_eq!(receive(&verifier, &headers, body.clone()), Err(StatusCode::UNAUTHORIZED));
/// # let signature = "77f4f15211ffc257f66dfd3b4c4f844239d441efb462c4894e10c9f3ad139f95";
/// # headers.insert(HEADER, signature.parse().unwrap());
/// # let event = receive(&verifier, &headers, body).unwrap();
/// # assert_eq!(event["payload"]["event_type"], "crm.lead.created");
/// ```
#[derive(Debug)]
pub struct Verifier {
    pub(super) keys: KeyedSecrets,
    forms: Forms,
    /// The position in `Form::ALL` of the form that matched last.
    hint: AtomicU8,
}

impl Verifier {
    /// Makes a verifier that accepts signatures made with any of `secrets`.
    ///
    /// Give the current secret, and during a rotation also the next one. Each further secret adds
    /// one MAC for each form to the work of a refusal.
    ///
    /// # Errors
    ///
    /// `secrets` is empty.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, SecretError> {
        KeyedSecrets::new(secrets).map(Self::of)
    }

    pub(super) fn of(keys: KeyedSecrets) -> Self {
        // The first guess is the form that Apideck's own code sample signs.
        let hint = AtomicU8::new(Form::Sorted as u8);
        let forms = Forms::All;
        Self { keys, forms, hint }
    }

    /// Sets the accepted forms. The default is all of them.
    #[must_use]
    pub fn forms(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self
    }

    /// Returns the number of secrets.
    pub(crate) fn secrets(&self) -> usize {
        self.keys.count()
    }

    /// Verifies the body of a request with the request's headers.
    ///
    /// # Errors
    ///
    /// The request has no `x-apideck-signature` header or several of them, or
    /// [`verify_signature`](Self::verify_signature) refuses the header's value.
    pub fn verify<'a>(&self, headers: &HeaderMap, body: &'a Bytes) -> Result<Verified<'a>, VerifyError> {
        self.verify_mac(&self.mac(headers)?.1, body)
    }

    /// Returns the MAC that the headers of a request hold, before its body is known.
    ///
    /// # Errors
    ///
    /// There is no `x-apideck-signature` header, there are several of them, or its value is not a
    /// signature.
    pub(crate) fn mac(&self, headers: &HeaderMap) -> Result<(Encoding, Mac), VerifyError> {
        let mut values = headers.get_all(&HEADER_NAME).iter();
        let value = values.next().ok_or(VerifyError(VerifyErrorKind::Missing))?;
        if values.next().is_some() {
            return Err(VerifyError(VerifyErrorKind::Repeated));
        }
        Self::mac_of(value.as_bytes())
    }

    fn mac_of(signature: &[u8]) -> Result<(Encoding, Mac), VerifyError> {
        header::parse(signature).ok_or(VerifyError(VerifyErrorKind::Malformed))
    }

    /// Verifies a body with the value of its `x-apideck-signature` header.
    ///
    /// # Errors
    ///
    /// The value is neither 64 hexadecimal digits nor 44 characters of base64, or the signature
    /// matches no accepted form of the body with any secret. A malformed value is refused before
    /// any MAC is computed.
    pub fn verify_signature<'a>(
        &self,
        signature: impl AsRef<[u8]>,
        body: &'a Bytes,
    ) -> Result<Verified<'a>, VerifyError> {
        self.verify_mac(&Self::mac_of(signature.as_ref())?.1, body)
    }

    fn verify_mac<'a>(&self, mac: &Mac, body: &'a Bytes) -> Result<Verified<'a>, VerifyError> {
        // The hint is always in range. The remainder tells the compiler, which then omits the
        // check.
        let hint = Form::ALL[usize::from(self.hint.load(Ordering::Relaxed)) % Form::ALL.len()];
        // A raw signature that follows a raw one needs no search.
        let raw_first = hint == Form::Raw && self.forms.allow(Form::Raw);
        if raw_first && let Some(secret) = self.keys.find(mac, body) {
            return Ok(Verified {
                text: SignedText::Body(body),
                form: Form::Raw,
                secret,
            });
        }
        let mut search = Search {
            keys: &self.keys,
            forms: self.forms,
            mac,
            body,
            body_compared: raw_first,
            sorted_done: false,
        };
        let found = search.compare(hint).or_else(|| {
            let mut others = Form::ALL.into_iter().filter(|&form| form != hint);
            others.find_map(|form| search.compare(form))
        });
        let verified = found.ok_or(VerifyError(VerifyErrorKind::Mismatch))?;
        if verified.form != hint {
            self.hint.store(verified.form as u8, Ordering::Relaxed);
        }
        Ok(verified)
    }

    /// Explains a request's signature, so that an operator can find the cause of a refusal.
    ///
    /// It takes up to twice as long as a refusal by [`verify`](Self::verify).
    pub fn explain(&self, headers: &HeaderMap, body: &[u8]) -> Explanation {
        Explanation::new(&self.keys, self.forms, headers, body)
    }

    /// Explains the signature of a request whose body was not read.
    pub(crate) fn explain_header(headers: &HeaderMap) -> String {
        explain_header(headers)
    }

    /// Verifies a body with the MAC of its headers. Returns its signed text and how the signature
    /// matched.
    ///
    /// # Errors
    ///
    /// The signature is refused. The error is the body, for an explanation.
    pub(crate) fn verified_text(
        &self,
        (encoding, mac): &(Encoding, Mac),
        body: Bytes,
    ) -> Result<(VerifiedText, Matched), Bytes> {
        let (new_text, matched) = match self.verify_mac(mac, &body) {
            Ok(verified) => {
                let matched = Matched {
                    form: verified.form,
                    encoding: *encoding,
                    secret: verified.secret,
                };
                (verified.into_new_text(), matched)
            }
            Err(_) => return Err(body),
        };
        Ok((VerifiedText::new(new_text.unwrap_or(body)), matched))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::Verifier;
    use crate::signature::{Encoding, Form, Forms, HEADER, Secret, sign::sign};

    const BODY: &str = r#"{"payload":{"event_id":"1","entity":[{"name":"x","id":2}],"a":1.0}}"#;

    fn secret() -> Secret {
        Secret::new("key").unwrap()
    }

    fn signature(form: Form) -> String {
        sign(&secret(), BODY.as_bytes(), form, Encoding::Hex).unwrap()
    }

    #[test]
    fn every_form_is_accepted_in_every_encoding() {
        let verifier = Verifier::new([secret()]).unwrap();
        let body = Bytes::from_static(BODY.as_bytes());
        let expected = [
            (Form::Raw, BODY),
            (
                Form::Sorted,
                r#"{"payload":{"a":1,"entity":[{"name":"x","id":2}],"event_id":"1"}}"#,
            ),
            (
                Form::SortedInArrays,
                r#"{"payload":{"a":1,"entity":[{"id":2,"name":"x"}],"event_id":"1"}}"#,
            ),
        ];
        // In every order, because the form that matched last is tried first.
        for first in expected {
            for (form, text) in [first].iter().chain(&expected) {
                let hex = signature(*form);
                let base64 = sign(&secret(), BODY.as_bytes(), *form, Encoding::Base64).unwrap();
                for value in [hex.to_uppercase(), hex, base64] {
                    let verified = verifier.verify_signature(&value, &body).unwrap();
                    assert_eq!(verified.text(), text);
                    assert_eq!(verified.form(), *form);
                }
            }
        }
    }

    #[test]
    fn a_body_that_was_signed_raw_is_not_copied() {
        let body = Bytes::from_static(BODY.as_bytes());
        let verified = Verifier::new([secret()])
            .unwrap()
            .verify_signature(signature(Form::Raw), &body)
            .unwrap();
        assert_eq!(verified.text().as_ptr(), body.as_ptr());
        assert_eq!(verified.into_text().as_ptr(), body.as_ptr());
    }

    #[test]
    fn a_body_that_is_its_own_sorted_form_counts_as_raw() {
        let body = Bytes::from_static(b"{\"a\":[1]}");
        let value = sign(&secret(), &body, Form::SortedInArrays, Encoding::Hex).unwrap();
        for (forms, form) in [
            (Forms::All, Form::Raw),
            (Forms::RawOnly, Form::Raw),
            (Forms::SortedOnly, Form::Sorted),
        ] {
            let verifier = Verifier::new([secret()]).unwrap().forms(forms);
            let verified = verifier.verify_signature(&value, &body).unwrap();
            assert_eq!(verified.form(), form);
            assert_eq!(verified.text().as_ptr(), body.as_ptr());
        }
    }

    #[test]
    fn only_the_chosen_forms_are_accepted() {
        let body = Bytes::from_static(BODY.as_bytes());
        for forms in [Forms::All, Forms::RawOnly, Forms::SortedOnly] {
            let verifier = Verifier::new([secret()]).unwrap().forms(forms);
            for form in Form::ALL {
                assert_eq!(
                    verifier.verify_signature(signature(form), &body).is_ok(),
                    forms.allow(form)
                );
            }
        }
    }

    #[test]
    fn a_signature_with_any_of_several_secrets_is_accepted() {
        let secrets = ["one", "two", "three"].map(|key| Secret::new(key).unwrap());
        let verifier = Verifier::new(secrets.clone()).unwrap();
        let body = Bytes::from_static(BODY.as_bytes());
        for (index, secret) in secrets.iter().enumerate() {
            let value = sign(secret, &body, Form::Sorted, Encoding::Hex).unwrap();
            assert_eq!(
                verifier.verify_signature(value, &body).unwrap().secret_index(),
                index
            );
        }
        assert!(
            verifier
                .verify_signature(signature(Form::Raw), &body)
                .unwrap_err()
                .is_mismatch()
        );
    }

    #[test]
    fn a_verifier_needs_a_secret() {
        assert!(Verifier::new([]).unwrap_err().is_missing());
    }

    #[test]
    fn a_body_that_is_not_json_can_be_signed_raw() {
        let verifier = Verifier::new([secret()]).unwrap();
        for body in [&b""[..], b"\xff\xfe", b"{"] {
            let body = Bytes::copy_from_slice(body);
            let value = sign(&secret(), &body, Form::Raw, Encoding::Hex).unwrap();
            assert_eq!(
                verifier.verify_signature(&value, &body).unwrap().form(),
                Form::Raw
            );
            assert!(
                verifier
                    .verify_signature("0".repeat(64), &body)
                    .unwrap_err()
                    .is_mismatch()
            );
        }
    }

    #[test]
    fn exactly_one_header_is_accepted() {
        let verifier = Verifier::new([secret()]).unwrap();
        let body = Bytes::from_static(BODY.as_bytes());
        let mut headers = HeaderMap::new();
        assert!(verifier.verify(&headers, &body).unwrap_err().is_missing());
        let value = HeaderValue::from_str(&signature(Form::Raw)).unwrap();
        headers.append(HEADER, value.clone());
        assert!(verifier.verify(&headers, &body).is_ok());
        headers.append(HEADER, value);
        assert!(verifier.verify(&headers, &body).unwrap_err().is_malformed());
        headers.insert(HEADER, HeaderValue::from_static(""));
        assert!(verifier.verify(&headers, &body).unwrap_err().is_malformed());
    }

    #[test]
    fn a_verifier_can_be_shared_between_threads() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Verifier>();
    }

    #[test]
    fn debug_does_not_print_the_key() {
        let verifier = Verifier::new([Secret::new("sk_live_1").unwrap()]).unwrap();
        assert_eq!(
            format!("{verifier:?}"),
            "Verifier { keys: 1 secrets, forms: All, hint: 1 }"
        );
    }
}
