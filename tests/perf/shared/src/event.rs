//! Deliveries of the example of Apideck's reference, each of an event of its own.

use apideck_hooks::signature::{Encoding, Form, HEADER, Secret};
use apideck_hooks::testing::sign;
use bytes::{Bytes, BytesMut};
use hmac::{Hmac, KeyInit};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use http_body_util::Full;
use sha2::Sha256;

/// A secret as long as Apideck's API keys.
pub const SECRET: &str = "sk_live_0123456789abcdef-0123456789abcdef-0123456789abcdef";

/// The path at which every receiver listens.
pub const PATH: &str = "/webhooks/apideck";

/// The type of the example's event.
pub const EVENT_TYPE: &str = "vault.connection.created";

/// The beginning of an event's id. Twelve hexadecimal digits follow.
pub const ID: &str = "00000000-0000-4000-8000-";
/// The beginning of an idempotency key. Twelve hexadecimal digits follow.
pub const KEY: &str = "00000000-0000-4000-9000-";

const EXAMPLE: &str =
    include_str!("../../../../apideck-hooks/src/payload/example/vault.connection.created.json");
const EXAMPLE_ID: &str = "9755c355-56c3-4a2f-a2da-86ff4411fccb";

/// The body that delivers the event of this number for the first time: minified, as Apideck sends
/// it.
pub fn body(number: u64) -> String {
    minified(EXAMPLE)
        .replace(EXAMPLE_ID, &format!("{ID}{number:012x}"))
        .replace("\"execution_attempt\":2", "\"execution_attempt\":1")
}

/// The number in an event's id, or `None` if the id is not one of these events.
pub fn number(event_id: &str) -> Option<u64> {
    u64::from_str_radix(event_id.strip_prefix(ID)?, 16).ok()
}

/// Removes the whitespace between tokens of a JSON text that has no escapes.
pub fn minified(json: &str) -> String {
    let mut inside = false;
    json.chars()
        .filter(|&c| {
            inside ^= c == '"';
            inside || !c.is_whitespace()
        })
        .collect()
}

/// A body as hyper hands it on: a slice of a buffer that began with the head of the request.
pub fn received(body: &str) -> Bytes {
    let mut read = BytesMut::from(format!("head{body}").as_bytes());
    drop(read.split_to(4));
    read.freeze()
}

/// The key of the HMAC.
pub fn key() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("any length")
}

/// The secret of the receivers.
pub fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

/// The hexadecimal signature of a body in one of its forms.
pub fn signature(body: &[u8], form: Form) -> String {
    sign(&secret(), body, form, Encoding::Hex).expect("JSON")
}

/// The headers of the delivery of this number.
pub fn headers(number: u64, signature: &str) -> HeaderMap {
    let key = format!("{KEY}{number:012x}");
    let headers = [
        (header::HOST, "hooks.example.com"),
        (header::USER_AGENT, "axios/1.7"),
        (header::ACCEPT, "*/*"),
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_LENGTH, "921"),
        (HeaderName::from_static("x-apideck-event-type"), EVENT_TYPE),
        (HeaderName::from_static("x-apideck-idempotency-key"), &key),
        (HeaderName::from_static(HEADER), signature),
    ];
    let value = |text| HeaderValue::from_str(text).expect("a value");
    headers
        .map(|(name, text)| (name, value(text)))
        .into_iter()
        .collect()
}

/// The request that delivers the event of this number, with the signature over one form of its
/// body.
pub fn request(number: u64, form: Form) -> Request<Full<Bytes>> {
    let body = received(&body(number));
    let headers = headers(number, &signature(&body, form));
    let mut request = Request::post(PATH).body(Full::new(body)).expect("a request");
    *request.headers_mut() = headers;
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_as_long_as_apidecks() {
        assert_eq!(body(0).len(), 921);
        assert_eq!(body(u64::MAX >> 16).len(), 921);
    }

    #[test]
    fn an_id_has_its_number() {
        let json: serde_json::Value = serde_json::from_str(&body(0xabc)).expect("JSON");
        let id = json["payload"]["event_id"].as_str().expect("an id");
        assert_eq!(number(id), Some(0xabc));
        assert_eq!(number(EXAMPLE_ID), None);
    }
}
