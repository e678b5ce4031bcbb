//! The ways to verify one body.

use std::hint::black_box;

use apideck_hooks::signature::{
    HEADER, Secret, Text, Verifier,
    canonical::{Form, canonical},
};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use sha2::Sha256;

use crate::body::Body;

/// As long as Apideck's API keys are.
pub(crate) const SECRET: &str = "sk_live_0123456789abcdef-0123456789abcdef-0123456789abcdef";

/// A body, and everything that is made once and not for every request.
pub(crate) struct Subject<'a> {
    body: &'a Bytes,
    key: Hmac<Sha256>,
    /// The MACs of the raw text and of the one with everything sorted.
    macs: [[u8; 32]; 2],
    raw: (Verifier, HeaderMap),
    sorted: (Verifier, HeaderMap),
    refusal: (Verifier, HeaderMap),
}

impl<'a> Subject<'a> {
    pub(crate) fn new(body: &'a Body) -> Self {
        let body = &body.bytes;
        let key = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
        let mac = |text: &[u8]| -> [u8; 32] { key.clone().chain_update(text).finalize().into_bytes().into() };
        let sorted = |form| canonical(body, form).expect("a sorted text").into_text(body);
        let subject = Self {
            body,
            macs: [mac(body), mac(&sorted(Form::SortedInArrays))],
            raw: (verifier(&[SECRET]), headers(&hex(&mac(body)))),
            sorted: (verifier(&[SECRET]), headers(&hex(&mac(&sorted(Form::Sorted))))),
            refusal: (verifier(&["another", SECRET]), headers(&"0".repeat(64))),
            key,
        };
        // Each verifier remembers its text from here on.
        let [raw, sorted] = [&subject.raw, &subject.sorted]
            .map(|(verifier, headers)| verifier.verify(headers, body).expect("its signature").which());
        assert_eq!(raw, Text::Raw);
        assert!(sorted == Text::Sorted || canonical(body, Form::Sorted).is_ok_and(|text| text.is_body()));
        subject
    }

    /// HMAC-SHA-256 by the `hmac` crate, keyed once, over the bytes as they are.
    pub(crate) fn hmac(&self) {
        let mac = self.key.clone().chain_update(black_box(self.body));
        mac.verify_slice(black_box(&self.macs[0])).expect("its MAC");
    }

    pub(crate) fn raw(&self) {
        let (verifier, headers) = &self.raw;
        black_box(verifier.verify(black_box(headers), black_box(self.body))).expect("its signature");
    }

    pub(crate) fn sorted(&self) {
        let (verifier, headers) = &self.sorted;
        black_box(verifier.verify(black_box(headers), black_box(self.body))).expect("its signature");
    }

    /// All three texts with two secrets.
    pub(crate) fn refusal(&self) {
        let (verifier, headers) = &self.refusal;
        black_box(verifier.verify(black_box(headers), black_box(self.body))).expect_err("a forgery");
    }

    /// Saying why it is refused.
    pub(crate) fn explain(&self) {
        let (verifier, headers) = &self.refusal;
        black_box(verifier.explain(black_box(headers), black_box(self.body)));
    }

    /// What one would write first: read into a tree, whose maps are in order, print it, and take the MAC.
    pub(crate) fn value(&self) {
        let mut value: Value = serde_json::from_slice(black_box(self.body)).expect("JSON");
        value.sort_all_objects();
        let text = serde_json::to_vec(&value).expect("JSON");
        let mac = self.key.clone().chain_update(&text);
        mac.verify_slice(black_box(&self.macs[1])).expect("its MAC");
        black_box(text);
    }

    /// The signatures of the raw text and of the sorted one.
    pub(crate) fn signatures(&self) -> [&str; 2] {
        [&self.raw, &self.sorted].map(|(_, headers)| headers[HEADER].to_str().expect("ASCII"))
    }
}

fn verifier(secrets: &[&str]) -> Verifier {
    Verifier::new(secrets.iter().map(|key| Secret::new(*key).expect("a secret"))).expect("secrets")
}

/// The headers of a delivery.
fn headers(signature: &str) -> HeaderMap {
    [
        (header::HOST, "hooks.example.com"),
        (header::USER_AGENT, "axios/1.7"),
        (header::ACCEPT, "*/*"),
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_LENGTH, "921"),
        (
            HeaderName::from_static("x-apideck-event-type"),
            "vault.connection.created",
        ),
        (
            HeaderName::from_static("x-apideck-idempotency-key"),
            "9755c355-56c3-4a2f-a2da-86ff4411fccb",
        ),
        (HeaderName::from_static(HEADER), signature),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_str(value).expect("a value")))
    .collect()
}

fn hex(mac: &[u8]) -> String {
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}
