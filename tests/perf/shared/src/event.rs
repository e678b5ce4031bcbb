//! Events that differ in what identifies them.

use apideck_hooks::signature::{
    HEADER,
    canonical::{Form, canonical},
};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::Sha256;

/// As long as Apideck's API keys are.
pub(crate) const SECRET: &str = "sk_live_0123456789abcdef-0123456789abcdef-0123456789abcdef";

/// The reference's example, pretty-printed.
const EXAMPLE: &str = include_str!("../../../tests/fixtures/vault.connection.created.json");
const EXAMPLE_ID: &str = "9755c355-56c3-4a2f-a2da-86ff4411fccb";

pub(crate) type Number = u64;

/// Which text the signature is over.
#[derive(Clone, Copy)]
pub(crate) enum Signed {
    Raw,
    Sorted,
}

pub(crate) struct Event {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) mac: [u8; 32],
}

pub(crate) fn key() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("any length")
}

pub(crate) fn events(numbers: std::ops::Range<Number>, signed: Signed) -> Vec<Event> {
    let body = minified(EXAMPLE);
    numbers.map(|number| event(&body, number, signed)).collect()
}

/// The example as it comes over the wire, as the event of that number.
fn event(body: &str, number: Number, signed: Signed) -> Event {
    let body = Bytes::from(body.replace(EXAMPLE_ID, &format!("00000000-0000-4000-8000-{number:012x}")));
    let text = match signed {
        Signed::Raw => body.to_vec(),
        Signed::Sorted => canonical(&body, Form::Sorted).expect("JSON").into_text(&body),
    };
    let mac: [u8; 32] = key().chain_update(text).finalize().into_bytes().into();
    let signature: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let delivery = format!("00000000-0000-4000-9000-{number:012x}");
    let headers = [
        (header::HOST, "hooks.example.com"),
        (header::USER_AGENT, "axios/1.7"),
        (header::ACCEPT, "*/*"),
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_LENGTH, "921"),
        (
            HeaderName::from_static("x-apideck-event-type"),
            "vault.connection.created",
        ),
        (HeaderName::from_static("x-apideck-idempotency-key"), &delivery),
        (HeaderName::from_static(HEADER), &signature),
    ];
    let value = |value| HeaderValue::from_str(value).expect("a value");
    Event {
        headers: headers
            .map(|(name, text)| (name, value(text)))
            .into_iter()
            .collect(),
        body,
        mac,
    }
}

/// Without the whitespace between tokens. The example has no escapes.
fn minified(json: &str) -> String {
    let mut inside = false;
    json.chars()
        .filter(|&c| {
            inside ^= c == '"';
            inside || !c.is_whitespace()
        })
        .collect()
}
