//! Requests that the test kit does not send: bodies that are not JSON, odd headers and methods, and
//! signatures by an HMAC of these suites.

use crate::SECRET;
use crate::fixtures::sorted;
use apideck_hooks::Hooks;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use sha2::Sha256;
use std::error::Error;
use std::net::SocketAddr;

/// The form of the body that is signed.
#[derive(Clone, Copy, Debug)]
pub enum Signed {
    Raw,
    Sorted,
}

/// The encoding of a signature.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    Hex,
    UpperHex,
    Base64,
}

/// Computes HMAC-SHA-256. The crate's own signing is not used, because it would only agree with
/// itself.
pub fn mac(secret: &str, text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Encodes a signature.
pub fn encode(mac: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => mac.iter().map(|byte| format!("{byte:02x}")).collect(),
        Encoding::UpperHex => mac.iter().map(|byte| format!("{byte:02X}")).collect(),
        Encoding::Base64 => BASE64_STANDARD.encode(mac),
    }
}

/// A delivery under construction. By default its raw body is signed, in hex.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// Parses the body, which is always JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON response")
    }

    /// The value of `status` in the body: a word on success, else the number.
    pub fn word(&self) -> String {
        self.json()["status"]
            .as_str()
            .map_or_else(|| self.status.to_string(), str::to_owned)
    }

    pub fn retry_after(&self) -> Option<u32> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }
}

impl Delivery {
    /// A signed delivery of a body, without Apideck's other headers.
    pub fn of(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let delivery = Delivery {
            method: Method::POST,
            path: "/".to_owned(),
            headers: HeaderMap::new(),
            body: body.clone(),
        };
        delivery
            .header("content-type", "application/json")
            .signature(&encode(&mac(SECRET, &body), Encoding::Hex))
    }

    /// A delivery of an event with all of Apideck's headers.
    pub fn event(event_type: &str, event_id: &str) -> Self {
        Delivery::of(crate::fixtures::body(event_type, event_id))
            .header("x-apideck-event-type", event_type)
            .header("x-apideck-idempotency-key", &format!("key-of-{event_id}"))
    }

    #[must_use]
    pub fn signed(self, signed: Signed, encoding: Encoding) -> Self {
        let text = match signed {
            Signed::Raw => self.body.to_vec(),
            Signed::Sorted => sorted(std::str::from_utf8(&self.body).expect("text")).into_bytes(),
        };
        let signature = encode(&mac(SECRET, &text), encoding);
        self.signature(&signature)
    }

    #[must_use]
    pub fn signature(self, signature: &str) -> Self {
        self.header("x-apideck-signature", signature)
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a header value"));
        self
    }

    /// Adds another value of a header.
    #[must_use]
    pub fn also(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a header value"));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Calls the service without a socket.
    pub async fn call(&self, hooks: &Hooks) -> Reply {
        let mut hooks = hooks.clone();
        let response = tower_service::Service::call(&mut hooks, self.request())
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("infallible").to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// Sends the delivery over a new connection.
    pub async fn send(&self, addr: SocketAddr) -> Reply {
        self.try_send(addr).await.expect("a response")
    }

    async fn try_send(&self, addr: SocketAddr) -> Result<Reply, Box<dyn Error + Send + Sync>> {
        let stream = tokio::net::TcpStream::connect(addr).await?;
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        let connection = tokio::spawn(connection);
        let mut request = self.request();
        request.headers_mut().insert("host", "localhost".parse()?);
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        connection.await??;
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }
}
