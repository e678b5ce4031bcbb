//! How often verifying a signature asks for memory.

use std::fs;

use allocation_counter::measure;
use apideck_hooks::signature::{
    HEADER, Secret, Text, Verifier,
    canonical::{Form, canonical},
};
use bytes::{Bytes, BytesMut};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

const SECRET: &str = "test-api-key";

/// The reference's example bodies, pretty-printed.
fn examples() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");
    let examples: Vec<_> = fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("text"))
        .collect();
    assert_eq!(examples.len(), 9);
    examples
}

/// As they come over the wire. None has whitespace or escapes in its strings that this would spoil.
fn minified(example: &str) -> String {
    let lines: Vec<_> = example.lines().map(str::trim).collect();
    lines.concat().replace("\": ", "\":")
}

/// A body as hyper hands it on: a part of what was read, with the head before it.
fn received(body: &str) -> Bytes {
    let mut read = BytesMut::from(format!("head{body}").as_bytes());
    drop(read.split_to(4));
    read.freeze()
}

fn signed(text: &[u8]) -> HeaderMap {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    let mac = mac.chain_update(text).finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderMap::from_iter([(
        HEADER.parse().expect("a name"),
        HeaderValue::from_str(&hex).expect("a value"),
    )])
}

/// How many times verifying `body` allocates, once the verifier knows which text is signed.
fn allocations(body: &str, signed_text: &[u8], expected: Text) -> u64 {
    let body = received(body);
    let headers = signed(signed_text);
    let verifier = Verifier::new([Secret::new(SECRET).expect("a secret")]).expect("a verifier");
    verifier.verify(&headers, &body).expect("its signature");
    let mut verified = None;
    let counted = measure(|| verified = verifier.verify(&headers, &body).ok());
    let verified = verified.expect("its signature");
    assert_eq!(verified.which(), expected);
    assert_eq!(verified.text(), signed_text);
    counted.count_total
}

fn sorted(body: &str, form: Form) -> Vec<u8> {
    let body = body.as_bytes();
    canonical(body, form).expect("JSON").into_text(body)
}

#[test]
fn the_raw_text_takes_none() {
    for example in examples() {
        for body in [&example, &minified(&example)] {
            assert_eq!(allocations(body, body.as_bytes(), Text::Raw), 0);
        }
    }
}

#[test]
fn a_sorted_text_takes_three_at_most() {
    for example in examples() {
        let body = minified(&example);
        assert!(body.len() < 1_000, "{body}");
        let in_array = format!("{{\"rows\":[{body}],\"count\":1}}");
        for (body, form, which) in [
            (&body, Form::Sorted, Text::Sorted),
            (&in_array, Form::Sorted, Text::Sorted),
            (&in_array, Form::SortedInArrays, Text::SortedInArrays),
        ] {
            let count = allocations(body, &sorted(body, form), which);
            assert!(count <= 3, "{count} for {body}");
        }
    }
}

/// One more, for the tokens as JavaScript prints them.
#[test]
fn a_pretty_printed_body_takes_four_at_most() {
    for example in examples() {
        let count = allocations(&example, &sorted(&example, Form::Sorted), Text::Sorted);
        assert!(count <= 4, "{count} for {example}");
    }
}

#[test]
fn a_malformed_signature_takes_none() {
    let verifier = Verifier::new([Secret::new(SECRET).expect("a secret")]).expect("a verifier");
    let body = received("{}");
    let counted = measure(|| assert!(verifier.verify_signature("0", &body).is_err()));
    assert_eq!(counted.count_total, 0);
}
