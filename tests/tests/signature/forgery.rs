//! Forged signatures.

use apideck_hooks::signature::{Encoding, Form, Forms, HEADER, Secret, Verifier, VerifyError};
use apideck_hooks::testing::sign;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

const BODY: &[u8] =
    br#"{"payload":{"event_type":"crm.lead.created","event_id":"e1","rows":[{"b":1.0,"a":2}]}}"#;
const TEXTS: [Form; 3] = [Form::Raw, Form::Sorted, Form::SortedInArrays];
const ENCODINGS: [Encoding; 2] = [Encoding::Hex, Encoding::Base64];

fn secret(key: &str) -> Secret {
    Secret::new(key).unwrap()
}

/// A verifier with two secrets, because the second one must not let a forgery pass.
fn verifier() -> Verifier {
    Verifier::new([secret("old-key"), secret("new-key")]).unwrap()
}

fn verify(value: &[u8], body: &[u8]) -> Result<(), VerifyError> {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
    verifier()
        .verify(&headers, &Bytes::copy_from_slice(body))
        .map(|_| ())
}

fn genuine() -> impl Iterator<Item = String> {
    let all = TEXTS
        .into_iter()
        .flat_map(|text| ENCODINGS.map(|encoding| (text, encoding)));
    all.map(|(text, encoding)| sign(&secret("new-key"), BODY, text, encoding).unwrap())
}

#[test]
fn genuine_signatures_are_accepted() {
    assert_eq!(genuine().count(), 6);
    for value in genuine() {
        verify(value.as_bytes(), BODY).unwrap();
    }
}

#[test]
fn a_missing_signature_is_refused() {
    assert!(
        verifier()
            .verify(&HeaderMap::new(), &Bytes::from_static(BODY))
            .unwrap_err()
            .is_missing()
    );
    assert!(verify(b"", BODY).unwrap_err().is_malformed());
}

#[test]
fn two_signatures_are_refused() {
    for value in genuine() {
        let mut headers = HeaderMap::new();
        headers.append(HEADER, HeaderValue::from_str(&value).unwrap());
        headers.append(HEADER, HeaderValue::from_static("0"));
        assert!(
            verifier()
                .verify(&headers, &Bytes::from_static(BODY))
                .unwrap_err()
                .is_malformed()
        );
    }
}

#[test]
fn truncated_and_padded_signatures_are_refused() {
    for value in genuine() {
        for length in 0..value.len() {
            assert!(
                verify(&value.as_bytes()[..length], BODY)
                    .unwrap_err()
                    .is_malformed()
            );
        }
        for pad in ["0", " ", "=", "\t", ",", &value] {
            assert!(
                verify(format!("{value}{pad}").as_bytes(), BODY)
                    .unwrap_err()
                    .is_malformed()
            );
            assert!(
                verify(format!("{pad}{value}").as_bytes(), BODY)
                    .unwrap_err()
                    .is_malformed()
            );
        }
        for prefix in ["sha256=", "v1,", "hmac-sha256 ", "0x"] {
            assert!(
                verify(format!("{prefix}{value}").as_bytes(), BODY)
                    .unwrap_err()
                    .is_malformed()
            );
        }
    }
}

#[test]
fn every_other_value_one_byte_away_is_refused() {
    for value in genuine() {
        for at in 0..value.len() {
            for byte in (b' '..=b'~').chain([0x80, 0xFF]) {
                let mut forged = value.clone().into_bytes();
                forged[at] = byte;
                let same = if value.len() == 64 {
                    forged.eq_ignore_ascii_case(value.as_bytes())
                } else {
                    forged == value.as_bytes()
                };
                assert_eq!(verify(&forged, BODY).is_ok(), same, "{}", forged.escape_ascii());
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_the_body_is_refused() {
    for value in genuine().take(1).chain(genuine().skip(2).step_by(2)) {
        for at in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[at / 8] ^= 1 << (at % 8);
            assert!(
                verify(value.as_bytes(), &body).unwrap_err().is_mismatch(),
                "{}",
                body.escape_ascii()
            );
        }
    }
}

#[test]
fn another_secret_is_refused() {
    for key in [
        "new-key\n",
        " new-key",
        "NEW-KEY",
        "new-ke",
        "new-keyy",
        "old-keynew-key",
    ] {
        for text in TEXTS {
            for encoding in ENCODINGS {
                let value = sign(&secret(key), BODY, text, encoding).unwrap();
                assert!(verify(value.as_bytes(), BODY).unwrap_err().is_mismatch());
            }
        }
    }
}

#[test]
fn a_body_with_the_same_sorted_form_is_accepted_without_its_extras() {
    // The later key shadows the first one, which was not signed.
    let body = Bytes::from_static(br#"{"payload":{"event_id":"forged"},"payload":{"event_id":"e1"}}"#);
    let value = sign(
        &secret("new-key"),
        br#"{"payload":{"event_id":"e1"}}"#,
        Form::Sorted,
        Encoding::Hex,
    )
    .unwrap();
    let verified = verifier().verify_signature(&value, &body).unwrap();
    assert_eq!(verified.form(), Form::Sorted);
    assert_eq!(&verified.text()[..], br#"{"payload":{"event_id":"e1"}}"#);

    // With the raw form alone the body is refused.
    assert!(
        verifier()
            .forms(Forms::RawOnly)
            .verify_signature(&value, &body)
            .unwrap_err()
            .is_mismatch()
    );
}

#[test]
fn an_error_reveals_nothing() {
    let value = sign(&secret("new-key"), BODY, Form::Raw, Encoding::Hex).unwrap();
    let error = verify("0".repeat(64).as_bytes(), BODY).unwrap_err();
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(
            !text.contains("key") && !text.contains(&value[..8]) && !text.contains("0000"),
            "{text}"
        );
    }
}
