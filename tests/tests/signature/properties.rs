//! Properties of signatures for any body, secret, form and encoding.

use apideck_hooks::signature::{Encoding, Form, Forms, Secret, Verifier};
use apideck_hooks::testing::sign;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;

const TEXTS: [Form; 3] = [Form::Raw, Form::Sorted, Form::SortedInArrays];

fn json() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "null",
        "true",
        "1.0",
        "-0",
        "1e21",
        "12345678901234567890",
        "\"\"",
        "\"\\u00e9\\/\"",
        "\"\\ud83d\"",
        "\"😀\"",
    ]);
    let key = select(vec![
        "a",
        "b",
        "event_id",
        "10",
        "9",
        "__proto__",
        "é",
        "\\u0061",
        "😀",
        "\u{ffff}",
    ]);
    let space = select(vec!["", "", "", " ", "\n  "]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(5, 60, 6, move |inner| {
            let members = vec((key.clone(), space.clone(), inner.clone()), 0..6);
            prop_oneof![
                vec((space.clone(), inner), 0..5).prop_map(|elements| {
                    let elements: Vec<_> = elements
                        .into_iter()
                        .map(|(space, value)| space.to_owned() + &value)
                        .collect();
                    format!("[{}]", elements.join(","))
                }),
                members.prop_map(|members| {
                    let members: Vec<_> = members
                        .into_iter()
                        .map(|(key, space, value)| format!("{space}\"{key}\":{space}{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
}

fn secrets() -> impl Strategy<Value = Vec<String>> {
    vec("\\PC{1,90}", 1..4)
}

fn verifier(keys: &[String], texts: Forms) -> Verifier {
    let secrets = keys.iter().map(|key| Secret::new(key.as_str()).unwrap());
    Verifier::new(secrets).unwrap().forms(texts)
}

fn texts() -> impl Strategy<Value = Form> {
    select(TEXTS.to_vec())
}

fn encodings() -> impl Strategy<Value = Encoding> {
    select(vec![Encoding::Hex, Encoding::Base64])
}

proptest! {
    #[test]
    fn a_genuine_signature_is_accepted(
        body in json(),
        keys in secrets(),
        secret in any::<prop::sample::Index>(),
        text in texts(),
        encoding in encodings(),
        upper in any::<bool>(),
    ) {
        let key = secret.get(&keys);
        let secret = Secret::new(key.as_str()).unwrap();
        let mut value = sign(&secret, body.as_bytes(), text, encoding).unwrap();
        if upper && encoding == Encoding::Hex {
            value.make_ascii_uppercase();
        }
        let body = Bytes::from(body);
        let verified = verifier(&keys, Forms::All).verify_signature(&value, &body).unwrap();

        // The verified text has this signature.
        let again = sign(&secret, verified.text(), Form::Raw, encoding).unwrap();
        prop_assert!(again.eq_ignore_ascii_case(&value));
        prop_assert_eq!(&keys[verified.secret_index()], key);
        prop_assert!(verified.form() == Form::Raw || serde_json::from_slice::<Value>(verified.text()).is_ok()
            || verified.text().windows(3).any(|text| text == b"\\ud"));
    }

    #[test]
    fn another_bit_in_the_signature_is_refused(
        body in json(),
        keys in secrets(),
        text in texts(),
        encoding in encodings(),
        bit in 0_usize..256,
    ) {
        let value = sign(&Secret::new(keys[0].as_str()).unwrap(), body.as_bytes(), text, Encoding::Base64).unwrap();
        let mut mac = BASE64_STANDARD.decode(value).unwrap();
        mac[bit / 8] ^= 1 << (bit % 8);
        let value = match encoding {
            Encoding::Hex => mac.iter().map(|byte| format!("{byte:02x}")).collect(),
            _ => BASE64_STANDARD.encode(mac),
        };
        let error = verifier(&keys, Forms::All).verify_signature(value, &Bytes::from(body)).unwrap_err();
        prop_assert!(error.is_mismatch());
    }

    #[test]
    fn another_bit_in_the_header_is_refused(
        body in json(),
        text in texts(),
        encoding in encodings(),
        bit in any::<prop::sample::Index>(),
    ) {
        let keys = ["key".to_owned()];
        let right = sign(&Secret::new("key").unwrap(), body.as_bytes(), text, encoding).unwrap();
        let mut value = right.clone().into_bytes();
        let bit = bit.index(value.len() * 8);
        value[bit / 8] ^= 1 << (bit % 8);
        let same = encoding == Encoding::Hex && value.eq_ignore_ascii_case(right.as_bytes());
        let body = Bytes::from(body);
        let verified = verifier(&keys, Forms::All).verify_signature(value, &body);
        prop_assert_eq!(verified.is_ok(), same);
    }

    #[test]
    fn another_bit_in_the_body_is_refused_if_only_the_raw_form_counts(
        body in vec(any::<u8>(), 1..300),
        keys in secrets(),
        encoding in encodings(),
        bit in any::<prop::sample::Index>(),
    ) {
        let value = sign(&Secret::new(keys[0].as_str()).unwrap(), &body, Form::Raw, encoding).unwrap();
        let verifier = verifier(&keys, Forms::RawOnly);
        prop_assert!(verifier.verify_signature(&value, &Bytes::from(body.clone())).is_ok());
        let mut changed = body;
        let bit = bit.index(changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verifier.verify_signature(&value, &Bytes::from(changed)).unwrap_err().is_mismatch());
    }

    #[test]
    fn a_form_that_is_left_out_is_refused(body in json(), text in texts(), only_raw in any::<bool>()) {
        let keys = ["key".to_owned()];
        let secret = Secret::new("key").unwrap();
        let value = sign(&secret, body.as_bytes(), text, Encoding::Hex).unwrap();
        let texts = if only_raw { Forms::RawOnly } else { Forms::SortedOnly };
        // Unless the form equals another one that is allowed.
        let accepted = TEXTS
            .into_iter()
            .filter(|&other| texts.allow(other))
            .any(|other| sign(&secret, body.as_bytes(), other, Encoding::Hex).unwrap() == value);
        let body = Bytes::from(body);
        prop_assert_eq!(verifier(&keys, texts).verify_signature(&value, &body).is_ok(), accepted);
    }
}
