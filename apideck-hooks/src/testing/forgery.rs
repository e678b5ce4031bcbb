//! Requests that Apideck did not send.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};

use super::event::{Event, Ids};
use crate::delivery::EVENT_TYPE;
use crate::event::EventType;
use crate::signature::{HEADER, Secret};

/// A way to forge a delivery. A receiver refuses all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Forgery {
    /// The signature is missing.
    NoSignature,
    /// The signature is neither hexadecimal digits nor base64.
    MalformedSignature,
    /// The signature is there twice.
    TwoSignatures,
    /// The signature was made with another secret.
    OtherSecret,
    /// Only the beginning of the signature is there.
    CutSignature,
    /// The end of the signature is wrong.
    WrongEnd,
    /// The signature belongs to another event.
    OtherSignature,
    /// The body was changed after it was signed.
    ChangedBody,
    /// The end of the body is missing.
    CutBody,
    /// The header, which is not signed, names another event than the signed body.
    OtherEvent,
}

impl Forgery {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::NoSignature,
        Self::MalformedSignature,
        Self::TwoSignatures,
        Self::OtherSecret,
        Self::CutSignature,
        Self::WrongEnd,
        Self::OtherSignature,
        Self::ChangedBody,
        Self::CutBody,
        Self::OtherEvent,
    ];

    /// Returns the headers and the body of the forged delivery.
    pub(super) fn apply(self, event: &Event, secret: &Secret) -> (HeaderMap, Bytes) {
        let (mut headers, body) = (event.headers(secret), event.body());
        let body = match self {
            Self::NoSignature => {
                headers.remove(HEADER);
                body
            }
            Self::MalformedSignature => {
                headers.insert(HEADER, HeaderValue::from_static("not-a-signature"));
                body
            }
            Self::TwoSignatures => {
                if let Some(signature) = headers.get(HEADER).cloned() {
                    headers.append(HEADER, signature);
                }
                body
            }
            Self::OtherSecret => {
                let other = Secret::new("a key that Apideck does not have");
                if let Ok(other) = other {
                    sign_by(&mut headers, event, &other);
                }
                body
            }
            Self::CutSignature => {
                change(&mut headers, |signature| signature.truncate(8));
                body
            }
            Self::WrongEnd => {
                change(&mut headers, |signature| {
                    // Half of it, because a receiver may compare only the first bytes.
                    let half = signature.len() / 2;
                    let flipped = |byte: &u8| if *byte == b'0' { b'1' } else { b'0' };
                    let end: Vec<u8> = signature[half..].iter().map(flipped).collect();
                    signature.truncate(half);
                    signature.extend(end);
                });
                body
            }
            Self::OtherSignature => {
                sign_by(
                    &mut headers,
                    &Event::of_type(&another(event), &Ids::random()),
                    secret,
                );
                body
            }
            Self::ChangedBody => changed(&body),
            Self::CutBody => body.slice(..body.len().saturating_sub(1)),
            Self::OtherEvent => {
                if let Ok(name) = HeaderValue::from_str(another(event).as_str()) {
                    headers.insert(EVENT_TYPE, name);
                }
                body
            }
        };
        (headers, body)
    }
}

/// Replaces the signature by that of an event under a secret.
fn sign_by(headers: &mut HeaderMap, event: &Event, secret: &Secret) {
    if let Some(signature) = event.headers(secret).remove(HEADER) {
        headers.insert(HEADER, signature);
    }
}

/// Changes the bytes of the signature.
fn change(headers: &mut HeaderMap, change: impl FnOnce(&mut Vec<u8>)) {
    let Some(signature) = headers.get(HEADER) else {
        return;
    };
    let mut signature = signature.as_bytes().to_vec();
    change(&mut signature);
    if let Ok(signature) = HeaderValue::from_bytes(&signature) {
        headers.insert(HEADER, signature);
    }
}

/// Returns the type of another event.
fn another(event: &Event) -> EventType {
    match event.event_type() {
        Some(EventType::ConnectionDeleted) => EventType::ConnectionCreated,
        _ => EventType::ConnectionDeleted,
    }
}

/// Adds a member to the body, because another order or white space would not change its sorted
/// form.
fn changed(body: &[u8]) -> Bytes {
    let mut changed = body.to_vec();
    match changed.iter().position(|byte| *byte == b'{') {
        Some(begin) => {
            let member: &[u8] = if changed[begin + 1..].trim_ascii_start().starts_with(b"}") {
                br#""forged":1"#
            } else {
                br#""forged":1,"#
            };
            changed.splice(begin + 1..=begin, member.iter().copied());
        }
        None => changed.push(b'1'),
    }
    changed.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Encoding, Form, Verifier};

    #[test]
    fn no_forgery_verifies_except_the_one_that_changes_no_signed_byte() {
        let secret = Secret::new("key").unwrap();
        let verifier = Verifier::new([secret.clone()]).unwrap();
        for form in [Form::Raw, Form::Sorted, Form::SortedInArrays] {
            let event = Event::new("vault.connection.created").signed(form, Encoding::Base64);
            assert!(verifier.verify(&event.headers(&secret), &event.body()).is_ok());
            for forgery in Forgery::ALL {
                let (headers, body) = forgery.apply(&event, &secret);
                let accepted = verifier.verify(&headers, &body).is_ok();
                assert_eq!(accepted, *forgery == Forgery::OtherEvent, "{forgery:?}");
            }
        }
    }

    #[test]
    fn a_changed_body_is_still_json() {
        for body in ["{}", "{ }", r#"{"a":1}"#, r#"[{"a":1}]"#, "1"] {
            let changed = changed(body.as_bytes());
            assert!(changed != body);
            serde_json::from_slice::<serde_json::Value>(&changed).unwrap();
        }
    }
}
