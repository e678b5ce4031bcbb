//! The receiver that is checked.

use std::time::Duration;

use apideck_hooks::Secret;
use apideck_hooks::signature::{Encoding, Form, HEADER};
use apideck_hooks::testing::{Answer, Apideck, Event, Forgery, sign};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body::Body;
use http_body_util::Full;
use serde_json::json;

use crate::client::{Client, ReadResponse, client, fetch};
use crate::exit::Trouble;

/// The event that is sent. Nobody lists it.
pub(super) const UNLISTED: &str = "apideck_hooks.check.sent";

const MAX_RESPONSE: usize = 1024 * 1024;

/// Time after which Apideck gives a delivery up (webhook guide).
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The receiver, and the key that its events are signed with.
pub(super) struct CheckedReceiver {
    pub(super) url: Uri,
    secret: Secret,
    client: Client<Full<Bytes>>,
    apideck: Apideck<Client<Full<Bytes>>>,
}

impl CheckedReceiver {
    pub(super) fn new(url: &Uri, secret: Secret) -> Result<Self, Trouble> {
        let client = client(url)?;
        Ok(Self {
            url: url.clone(),
            apideck: Apideck::new(client.clone(), secret.clone()).path(&url.to_string()),
            secret,
            client,
        })
    }

    pub(super) async fn validate(&self) -> Answer {
        self.apideck.validate().await
    }

    pub(super) async fn send(&self, event: &Event) -> Answer {
        self.apideck.send(event).await
    }

    pub(super) async fn forge(&self, event: &Event, forgery: Forgery) -> Answer {
        self.apideck.forge(event, forgery).await
    }

    /// Sends bytes under a signature.
    pub(super) async fn post(&self, body: Bytes, signature: &str) -> Result<ReadResponse, Trouble> {
        let request = self.request(Full::new(body), signature);
        fetch(&self.client, request, PATIENCE, MAX_RESPONSE).await
    }

    /// Signs bytes as they are.
    pub(super) fn signature(&self, body: &[u8]) -> String {
        // Only the sorted forms can fail.
        sign(&self.secret, body, Form::Raw, Encoding::Hex).unwrap_or_default()
    }

    /// Makes a request with any body.
    pub(super) fn request<B: Body>(&self, body: B, signature: &str) -> Request<B> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(signature) = HeaderValue::from_str(signature) {
            headers.insert(HeaderName::from_static(HEADER), signature);
        }
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// Makes an event that nobody lists. All forms of its body differ.
pub(super) fn unlisted() -> Event {
    let event = Event::unlisted(UNLISTED).set_new("checks", json!([{"a": 1, "b": 2}]));
    // The kit prints objects inside arrays in order, and `from_json` keeps a text as it is.
    let text = String::from_utf8_lossy(&event.body()).replace(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#);
    Event::from_json(text).unwrap_or(event)
}

/// Writes the status of an answer, or the reason why there is none.
pub(super) fn status(answer: &Answer) -> String {
    match answer.status() {
        Some(status) => status.to_string(),
        None => format!("no response: {}", answer.failure().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_the_body_differ() {
        let secret = Secret::new("key").unwrap();
        let body = unlisted().body();
        let forms = [Form::Raw, Form::Sorted, Form::SortedInArrays];
        let signatures = forms.map(|form| sign(&secret, &body, form, Encoding::Hex).unwrap());
        assert_ne!(signatures[0], signatures[1]);
        assert_ne!(signatures[1], signatures[2]);
        assert_ne!(unlisted().event_id(), unlisted().event_id());
    }
}
