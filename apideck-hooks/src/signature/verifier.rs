//! Verifying.

use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    Explanation, Form, Forms, Secret, SecretError, Verified, VerifiedText, VerifyError,
    canonical::{Sorting, canonical},
    error::VerifyErrorKind,
    header::{self, Mac, NAME},
    keyed_secrets::KeyedSecrets,
    verified::Signed,
};

/// Tells whether a body is Apideck's.
///
/// It can be shared between threads, and takes no lock. It remembers which text of a body was signed last, and tries
/// that one first; every text that is accepted is tried before a body is refused.
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
/// It needs the request's headers and the bytes of its body, as they came: before anything has parsed or decoded them.
///
/// ```
/// use apideck_hooks::signature::Verifier;
/// use bytes::Bytes;
/// use http::{HeaderMap, StatusCode};
///
/// /// What the event is, or what to answer.
/// fn receive(
///     verifier: &Verifier,
///     headers: &HeaderMap,
///     body: Bytes,
/// ) -> Result<serde_json::Value, StatusCode> {
///     let verified = verifier.verify(headers, &body).map_err(|_| {
///         // For the operator alone. It takes as long as a refusal again, so do not do it for every forgery.
///         eprintln!("{}", verifier.explain(headers, &body));
///         StatusCode::UNAUTHORIZED
///     })?;
///     // Not `body`: parts of that may not be signed.
///     serde_json::from_slice(verified.text()).map_err(|_| StatusCode::BAD_REQUEST)
/// }
/// # use apideck_hooks::signature::{HEADER, Secret};
/// # let verifier = Verifier::new([Secret::new("my-api-key").unwrap()]).unwrap();
/// # let body = Bytes::from_static(br#"{"payload":{"event_type":"crm.lead.created"}}"#);
/// # let mut headers = HeaderMap::new();
/// # assert_eq!(receive(&verifier, &headers, body.clone()), Err(StatusCode::UNAUTHORIZED));
/// # let signature = "77f4f15211ffc257f66dfd3b4c4f844239d441efb462c4894e10c9f3ad139f95";
/// # headers.insert(HEADER, signature.parse().unwrap());
/// # assert_eq!(receive(&verifier, &headers, body).unwrap()["payload"]["event_type"], "crm.lead.created");
/// ```
#[derive(Debug)]
pub struct Verifier {
    keys: KeyedSecrets,
    forms: Forms,
    /// The position in `Form::ALL` of the text that matched last.
    last: AtomicU8,
}

impl Verifier {
    /// Makes a verifier that accepts signatures made with any of `secrets`: the one in use, and while it is being replaced
    /// also its successor. With each secret more, refusing a request takes one more MAC for each text.
    ///
    /// # Errors
    ///
    /// There is no secret.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, SecretError> {
        // To begin with, the text that Apideck's own sample signs.
        Ok(Self {
            keys: KeyedSecrets::new(secrets)?,
            forms: Forms::All,
            last: AtomicU8::new(Form::Sorted as u8),
        })
    }

    /// Accepts signatures of these texts only. Without this, of all of them.
    #[must_use]
    pub fn forms(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self
    }

    /// Verifies a request by its headers and its body.
    ///
    /// # Errors
    ///
    /// There is no `x-apideck-signature` header or more than one, or its value is refused by
    /// [`verify_signature`](Self::verify_signature).
    pub fn verify<'a>(&self, headers: &HeaderMap, body: &'a Bytes) -> Result<Verified<'a>, VerifyError> {
        let mut values = headers.get_all(&NAME).iter();
        let value = values.next().ok_or(VerifyError(VerifyErrorKind::Missing))?;
        if values.next().is_some() {
            return Err(VerifyError(VerifyErrorKind::Repeated));
        }
        self.verify_signature(value, body)
    }

    /// Verifies a body by the value of its `x-apideck-signature` header.
    ///
    /// # Errors
    ///
    /// The signature is neither 64 hexadecimal digits nor 44 characters of base64, which is found out before anything
    /// is computed; or it is of no accepted text of the body with any of the secrets.
    pub fn verify_signature<'a>(
        &self,
        signature: impl AsRef<[u8]>,
        body: &'a Bytes,
    ) -> Result<Verified<'a>, VerifyError> {
        let (_, mac) = header::parse(signature.as_ref()).ok_or(VerifyError(VerifyErrorKind::Malformed))?;
        let last = Form::ALL[usize::from(self.last.load(Ordering::Relaxed)) % Form::ALL.len()];
        let raw_first = last == Form::Raw && self.forms.allow(Form::Raw);
        if raw_first && let Some(secret) = self.keys.find(&mac, body) {
            return Ok(Verified {
                text: Signed::Body(body),
                form: Form::Raw,
                secret,
            });
        }
        let mut search = Search {
            verifier: self,
            mac: &mac,
            body,
            no_raw: raw_first,
            no_sorted: false,
        };
        let found = search.look(last).or_else(|| {
            let mut others = Form::ALL.into_iter().filter(|&form| form != last);
            others.find_map(|form| search.look(form))
        });
        let verified = found.ok_or(VerifyError(VerifyErrorKind::Mismatch))?;
        // Threads share the cache line of `last` as long as nobody writes to it.
        if verified.form != last {
            self.last.store(verified.form as u8, Ordering::Relaxed);
        }
        Ok(verified)
    }

    /// Verifies a request and returns the signed text.
    ///
    /// # Errors
    ///
    /// The signature is refused. The body comes back, for an explanation.
    pub(crate) fn verified_text(&self, headers: &HeaderMap, body: Bytes) -> Result<VerifiedText, Bytes> {
        let new_text = match self.verify(headers, &body) {
            Ok(verified) => verified.into_new_text(),
            Err(_) => return Err(body),
        };
        Ok(VerifiedText::new(new_text.unwrap_or(body)))
    }

    /// Says what there is to say about a request's signature, for an operator who has to find out why it is refused. It takes
    /// up to twice as long as a refusal by [`verify`](Self::verify).
    pub fn explain(&self, headers: &HeaderMap, body: &[u8]) -> Explanation {
        Explanation::new(&self.keys, self.forms, headers, body)
    }
}

/// The search for the text that was signed.
struct Search<'s, 'a> {
    verifier: &'s Verifier,
    mac: &'s Mac,
    body: &'a Bytes,
    /// The bytes of the body were looked at.
    no_raw: bool,
    /// There is no sorted text left to look at.
    no_sorted: bool,
}

impl<'a> Search<'_, 'a> {
    /// Looks at one text, if it is accepted. Forms that are the same bytes are looked at once.
    fn look(&mut self, form: Form) -> Option<Verified<'a>> {
        if !self.verifier.forms.allow(form) {
            return None;
        }
        match form.sorting() {
            None => self.look_at_body(form),
            Some(sorting) => self.look_at_sorted(form, sorting),
        }
    }

    fn look_at_body(&mut self, form: Form) -> Option<Verified<'a>> {
        if self.no_raw {
            return None;
        }
        self.no_raw = true;
        let secret = self.verifier.keys.find(self.mac, self.body)?;
        Some(Verified {
            text: Signed::Body(self.body),
            form,
            secret,
        })
    }

    fn look_at_sorted(&mut self, form: Form, sorting: Sorting) -> Option<Verified<'a>> {
        if self.no_sorted {
            return None;
        }
        let Ok(canonical) = canonical(self.body, sorting) else {
            self.no_sorted = true;
            return None;
        };
        let form = if canonical.differs() { form } else { Form::Sorted };
        self.no_sorted = !canonical.differs();
        match canonical.into_new_text() {
            Some(text) => {
                let secret = self.verifier.keys.find(self.mac, &text)?;
                Some(Verified {
                    text: Signed::New(text.into()),
                    form,
                    secret,
                })
            }
            None if self.verifier.forms.allow(Form::Raw) => self.look_at_body(Form::Raw),
            None => self.look_at_body(form),
        }
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
    fn every_text_in_every_encoding_is_accepted() {
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
        // In every order, for the one that matched last changes what is tried.
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
    fn the_raw_text_is_not_copied() {
        let body = Bytes::from_static(BODY.as_bytes());
        let verified = Verifier::new([secret()])
            .unwrap()
            .verify_signature(signature(Form::Raw), &body)
            .unwrap();
        assert_eq!(verified.text().as_ptr(), body.as_ptr());
        assert_eq!(verified.into_text().as_ptr(), body.as_ptr());
    }

    #[test]
    fn a_body_that_is_its_own_sorted_text_counts_as_raw() {
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
    fn any_of_several_secrets_will_do() {
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
    fn without_a_secret_there_is_no_verifier() {
        assert!(Verifier::new([]).unwrap_err().is_missing());
    }

    #[test]
    fn a_body_that_is_no_json_can_be_signed_raw() {
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
    fn there_is_one_header() {
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
    fn it_can_be_shared() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Verifier>();
    }

    #[test]
    fn debug_shows_no_key() {
        let verifier = Verifier::new([Secret::new("sk_live_1").unwrap()]).unwrap();
        assert_eq!(
            format!("{verifier:?}"),
            "Verifier { keys: 1 secrets, forms: All, last: 1 }"
        );
    }
}
