//! Requests that deliver events of their own, for every kind of receiver.

use apideck_hooks::signature::canonical::{Sorting, canonical};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use perf::event::{self, EVENT_TYPE, ID, KEY, PATH};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

/// The headers of a delivery and the text that is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    /// Apideck's headers, and a signature over the raw body.
    Raw,
    /// Apideck's headers, and a signature over the body with its keys sorted.
    Sorted,
    /// The headers of svix and Standard Webhooks, and a signature over an id, the time and the
    /// body.
    Standard,
    /// GitHub's headers, and a signature over the raw body.
    GitHub,
}

impl Scheme {
    /// The headers with an empty signature, and the signed text if it is not the body.
    fn headers_and_text(self, body: &str) -> (String, Vec<u8>) {
        let delivery = format!("{KEY}{:012x}", 0);
        match self {
            Scheme::Raw | Scheme::Sorted => {
                let headers = format!(
                    "x-apideck-event-type: {EVENT_TYPE}\r\n\
                     x-apideck-idempotency-key: {delivery}\r\n\
                     x-apideck-signature: {:064}\r\n",
                    0
                );
                let sorted = canonical(body.as_bytes(), Sorting::OutsideArrays).expect("it is JSON");
                (headers, sorted.into_text(body.as_bytes()))
            }
            Scheme::Standard => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.expect("after 1970").as_secs();
                let headers = format!(
                    "webhook-id: {delivery}\r\n\
                     webhook-timestamp: {now}\r\n\
                     webhook-signature: v1,{:044}\r\n",
                    0
                );
                (headers, format!("{delivery}.{now}.{body}").into_bytes())
            }
            Scheme::GitHub => {
                let headers = format!(
                    "x-github-event: push\r\n\
                     x-github-delivery: {delivery}\r\n\
                     x-hub-signature-256: sha256={:064}\r\n",
                    0
                );
                (headers, Vec::new())
            }
        }
    }
}

const ATTEMPT: &str = "\"execution_attempt\":";

/// The offset behind a string, or 0 if the text does not contain it.
fn behind(text: &[u8], string: &str) -> usize {
    let found = text
        .windows(string.len())
        .position(|window| window == string.as_bytes());
    found.map_or(0, |at| at + string.len())
}

/// The signature of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signature {
    Genuine,
    /// The header has another name.
    Missing,
    /// The header is well-formed and belongs to no text.
    Forged,
}

const SIGNATURE: &str = "x-apideck-signature: ";

/// A request whose event and attempt can be changed.
pub(crate) struct Template {
    key: Hmac<Sha256>,
    scheme: Scheme,
    request: Vec<u8>,
    /// Offsets of the body and of the parts that change, in the request.
    body: usize,
    id: usize,
    attempt: usize,
    delivery: usize,
    signature: usize,
    /// The signed text, if it is not the body: the body with a prefix, or sorted.
    text: Vec<u8>,
    text_id: usize,
    text_attempt: usize,
}

impl Template {
    pub(crate) fn new(scheme: Scheme) -> Self {
        let body = event::body(0);
        let (headers, text) = scheme.headers_and_text(&body);
        let head = format!(
            "POST {PATH} HTTP/1.1\r\n\
             host: 127.0.0.1\r\n\
             user-agent: apideck-hooks-perf\r\n\
             accept: */*\r\n\
             content-type: application/json\r\n\
             content-length: {}\r\n\
             {headers}\r\n",
            body.len()
        );
        let request = format!("{head}{body}").into_bytes();
        let signature = match scheme {
            Scheme::Raw | Scheme::Sorted => SIGNATURE,
            Scheme::Standard => "webhook-signature: v1,",
            Scheme::GitHub => "x-hub-signature-256: sha256=",
        };
        Self {
            key: event::key(),
            scheme,
            body: head.len(),
            id: behind(&request, ID),
            attempt: behind(&request, ATTEMPT),
            delivery: behind(&request, KEY),
            signature: behind(&request, signature),
            text_id: behind(&text, ID),
            text_attempt: behind(&text, ATTEMPT),
            text,
            request,
        }
    }

    /// The length of every request.
    pub(crate) fn len(&self) -> usize {
        self.request.len()
    }

    /// The request that delivers the event of this number in this attempt, of which the last digit
    /// is written.
    pub(crate) fn request(&mut self, number: u64, attempt: u8) -> &[u8] {
        let digits = hex_number(number);
        let attempt = b'0' + attempt % 10;
        put(&mut self.request, self.id, &digits);
        put(&mut self.request, self.delivery, &digits);
        self.request[self.attempt] = attempt;
        match self.scheme {
            Scheme::Raw | Scheme::GitHub => {
                let mac = self.mac(&self.request[self.body..]);
                put(&mut self.request, self.signature, &hex(&mac));
            }
            Scheme::Sorted => {
                put(&mut self.text, self.text_id, &digits);
                self.text[self.text_attempt] = attempt;
                let mac = self.mac(&self.text);
                put(&mut self.request, self.signature, &hex(&mac));
            }
            Scheme::Standard => {
                put(&mut self.text, KEY.len(), &digits);
                put(&mut self.text, self.text_id, &digits);
                self.text[self.text_attempt] = attempt;
                let mac = self.mac(&self.text);
                put(&mut self.request, self.signature, STANDARD.encode(mac).as_bytes());
            }
        }
        &self.request
    }

    /// Spoils the signature of a request in Apideck's scheme. Its length stays the same.
    pub(crate) fn spoil(&self, request: &mut [u8], signature: Signature) {
        match signature {
            Signature::Genuine => {}
            Signature::Missing => put(request, self.signature - SIGNATURE.len(), b"x-somebody"),
            Signature::Forged => put(request, self.signature, &[b'0'; 64]),
        }
    }

    fn mac(&self, text: &[u8]) -> [u8; 32] {
        self.key.clone().chain_update(text).finalize().into_bytes().into()
    }
}

fn put(into: &mut [u8], at: usize, bytes: &[u8]) {
    into[at..at + bytes.len()].copy_from_slice(bytes);
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex_number(number: u64) -> [u8; 12] {
    std::array::from_fn(|at| DIGITS[(number >> (44 - 4 * at)) as usize & 0xF])
}

fn hex(mac: &[u8; 32]) -> [u8; 64] {
    std::array::from_fn(|at| DIGITS[usize::from(mac[at / 2] >> (4 - 4 * (at % 2))) & 0xF])
}

#[cfg(test)]
mod tests {
    use super::*;
    use apideck_hooks::signature::{Form, Verifier};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use bytes::Bytes;

    fn taken_apart(request: &[u8]) -> (HeaderMap, Bytes) {
        let text = std::str::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let headers = head.lines().skip(1).map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        (headers.collect(), Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn requests_differ_and_are_signed() {
        let verifier = Verifier::new([event::secret()]).unwrap();
        for (scheme, text) in [(Scheme::Raw, Form::Raw), (Scheme::Sorted, Form::Sorted)] {
            let mut template = Template::new(scheme);
            let mut seen = Vec::new();
            for (number, attempt) in [(1, 1), (1, 2), (0xabc_def0_1234, 1)] {
                let request = template.request(number, attempt).to_vec();
                let (headers, body) = taken_apart(&request);
                assert_eq!(verifier.verify(&headers, &body).unwrap().form(), text);
                let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let id = json["payload"]["event_id"].as_str().unwrap();
                assert_eq!(event::number(id), Some(number));
                assert_eq!(json["payload"]["execution_attempt"], attempt);
                assert!(!seen.contains(&request));
                seen.push(request);
            }
        }
    }

    #[test]
    fn a_spoilt_signature_is_refused() {
        let verifier = Verifier::new([event::secret()]).unwrap();
        let mut template = Template::new(Scheme::Raw);
        for (signature, missing) in [(Signature::Missing, true), (Signature::Forged, false)] {
            let mut request = template.request(1, 1).to_vec();
            template.spoil(&mut request, signature);
            let (headers, body) = taken_apart(&request);
            let error = verifier.verify(&headers, &body).unwrap_err();
            assert_eq!((error.is_missing(), error.is_mismatch()), (missing, !missing));
        }
    }

    #[test]
    fn svix_and_standardwebhooks_accept_their_requests() {
        let mut template = Template::new(Scheme::Standard);
        let svix = svix::webhooks::Webhook::from_bytes(event::SECRET.as_bytes().to_vec()).unwrap();
        let standard = standardwebhooks::Webhook::from_bytes(event::SECRET.as_bytes().to_vec()).unwrap();
        for number in [1, 2, u64::MAX >> 16] {
            let (headers, body) = taken_apart(template.request(number, 1));
            svix.verify(&body, &headers).unwrap();
            standard.verify(&body, &headers).unwrap();
        }
    }
}
