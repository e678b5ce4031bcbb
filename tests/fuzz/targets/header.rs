//! A header's value is read as the model reads it, and is accepted if and only if that is the right
//! MAC.

#![no_main]

use std::sync::LazyLock;

use apideck_hooks::signature::{HEADER, Header, Secret, Verifier};
use apideck_hooks_fuzz::mac::{mac, read};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

const BODY: &[u8] = b"{\"a\":1}";

static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new([Secret::new("key").expect("a secret")]).expect("secrets"));
static RIGHT: LazyLock<[u8; 32]> = LazyLock::new(|| mac("key", BODY));

fuzz_target!(|value: &[u8]| {
    let model = read(value);
    let body = Bytes::from_static(BODY);
    match VERIFIER.verify_signature(value, &body) {
        Ok(_) => assert_eq!(model, Some(*RIGHT)),
        Err(error) if error.is_malformed() => assert_eq!(model, None),
        Err(error) => assert!(error.is_mismatch() && model.is_some_and(|mac| mac != *RIGHT)),
    }

    let Ok(header) = HeaderValue::from_bytes(value) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(HEADER, header);
    let explanation = VERIFIER.explain(&headers, BODY);
    assert_eq!(model.is_some(), matches!(explanation.header, Header::Good(_)));
    assert_eq!(explanation.is_match(), model == Some(*RIGHT));
    let _ = explanation.to_string();
    headers.append(HEADER, HeaderValue::from_static("x"));
    assert!(
        VERIFIER
            .verify(&headers, &body)
            .is_err_and(|error| error.is_malformed())
    );
});
