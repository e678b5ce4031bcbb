//! Receivers on loopback: our own, and one by hand with a fault of choice.

use apideck_hooks::events::*;
use apideck_hooks::signature::Verifier;
use apideck_hooks::{Hooks, Rest, Secret, State, on, router};
use apideck_hooks_tests::{SECRET, server};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

/// Long enough for a body that comes at once, also on a busy machine.
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(3);

/// The events that a receiver has handled, and those that are to fail.
#[derive(Clone, Default)]
pub(crate) struct Handled(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    ids: Vec<String>,
    failures: HashMap<String, usize>,
}

impl Handled {
    /// Lets the next runs of an event fail.
    pub(crate) fn fail(&self, id: &str, times: usize) {
        self.0
            .lock()
            .expect("no panic")
            .failures
            .insert(id.to_owned(), times);
    }

    /// The ids of the handled events, in their order.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.0.lock().expect("no panic").ids.clone()
    }

    pub(crate) fn handle(&self, id: String) -> Result<(), String> {
        let mut inner = self.0.lock().expect("no panic");
        if let Some(left) = inner.failures.get_mut(&id).filter(|left| **left > 0) {
            *left -= 1;
            return Err("no connection to the database".to_owned());
        }
        inner.ids.push(id);
        Ok(())
    }
}

#[on("vault.connection.*")]
async fn connection(event: ConnectionEvent, State(handled): State<Handled>) -> Result<(), String> {
    handled.handle(event.event_id.clone())
}

#[on("crm.*")]
async fn crm(event: ResourceEvent, State(handled): State<Handled>) -> Result<(), String> {
    let id = if event.event_id.is_empty() {
        &event.entity_id
    } else {
        &event.event_id
    };
    handled.handle(id.clone())
}

/// Starts our own receiver, and returns its address.
pub(crate) async fn own(handled: &Handled) -> String {
    let hooks = Hooks::builder(router![connection, crm, ..])
        .secret(SECRET)
        .state(handled.clone())
        .rest(Rest::None)
        .body_deadline(BODY_DEADLINE)
        .build()
        .expect("a receiver");
    server::hyper(hooks).await.to_string()
}

/// A mistake of receivers by hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mistake {
    None,
    ParsesFirst,
    AcceptsBadSignatures,
    FindsNoDuplicates,
    ConflictForDuplicates,
    RefusesUnknownEvents,
    EchoesErrors,
    TrustsHeader,
    AcceptsCutSignatures,
    NoSizeLimit,
    NoTimeLimit,
}

struct ByHand {
    mistake: Mistake,
    verifier: Verifier,
    seen: Mutex<HashSet<String>>,
}

/// Starts a receiver by hand, and returns its address.
pub(crate) async fn by_hand(mistake: Mistake) -> String {
    let receiver = Arc::new(ByHand {
        mistake,
        verifier: Verifier::new([Secret::new(SECRET).expect("a secret")]).expect("a verifier"),
        seen: Mutex::default(),
    });
    let answer = move |request: Request| {
        let receiver = receiver.clone();
        async move { receiver.receive(request).await.unwrap_or_else(|refused| refused) }
    };
    server::axum(Router::new().route("/", post(answer)))
        .await
        .to_string()
}

/// A response: its status and its body.
type Answered = (StatusCode, String);

fn refuse(status: u16, text: impl Into<String>) -> Answered {
    (StatusCode::from_u16(status).expect("a status"), text.into())
}

fn acknowledge(word: &str) -> Answered {
    (StatusCode::OK, format!(r#"{{"status":"{word}"}}"#))
}

impl ByHand {
    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    async fn receive(&self, request: Request) -> Result<Answered, Answered> {
        let (parts, body) = request.into_parts();
        let body = self.read(body).await?;
        if self.is(Mistake::ParsesFirst) {
            self.parse(&body)?;
        }
        let text = self.verify(&parts.headers, &body)?;
        let json = self.parse(&text)?;
        let signed = json["payload"]["event_type"].as_str().unwrap_or_default();
        let named = parts
            .headers
            .get("x-apideck-event-type")
            .and_then(|name| name.to_str().ok());
        let event = match named {
            Some(named) if self.is(Mistake::TrustsHeader) => named,
            Some(named) if named != signed => return Err(refuse(400, "a contradiction")),
            _ => signed,
        };
        if event != "vault.connection.callable" {
            return match self.is(Mistake::RefusesUnknownEvents) && !signed.is_empty() {
                true => Err(refuse(422, "an unknown event")),
                false => Ok(acknowledge("ignored")),
            };
        }
        let id = json["payload"]["event_id"].to_string();
        let new = self.seen.lock().expect("no panic").insert(id);
        match new || self.is(Mistake::FindsNoDuplicates) {
            true => Ok(acknowledge("handled")),
            false if self.is(Mistake::ConflictForDuplicates) => Err(refuse(409, "known already")),
            false => Ok(acknowledge("duplicate")),
        }
    }

    async fn read(&self, mut body: Body) -> Result<Bytes, Answered> {
        let mut bytes = Vec::new();
        loop {
            let frame = body.frame();
            let frame = match self.is(Mistake::NoTimeLimit) {
                true => frame.await,
                false => timeout(BODY_DEADLINE, frame)
                    .await
                    .map_err(|_| refuse(408, "too slow"))?,
            };
            match frame {
                None => return Ok(bytes.into()),
                Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) => return Err(refuse(400, "incomplete")),
            }
            if bytes.len() > 1024 * 1024 && !self.is(Mistake::NoSizeLimit) {
                return Err(refuse(413, "too large"));
            }
        }
    }

    fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Answered> {
        if let Ok(verified) = self.verifier.verify(headers, body) {
            return Ok(verified.into_text());
        }
        let given = headers
            .get("x-apideck-signature")
            .and_then(|given| given.to_str().ok());
        let secret = Secret::new(SECRET).expect("a secret");
        let right = apideck_hooks::testing::sign(
            &secret,
            body,
            apideck_hooks::signature::Form::Raw,
            apideck_hooks::signature::Encoding::Hex,
        );
        let right = right.expect("the raw form");
        let begins =
            given.is_some_and(|given| (1..right.len()).contains(&given.len()) && right.starts_with(given));
        match self.mistake {
            Mistake::AcceptsBadSignatures => Err(acknowledge("ignored")),
            Mistake::AcceptsCutSignatures if begins => Ok(body.clone()),
            _ => Err(refuse(401, "no")),
        }
    }

    /// Bodies that are no events are acknowledged, because Apideck validates a URL with one.
    fn parse(&self, body: &[u8]) -> Result<Value, Answered> {
        serde_json::from_slice(body).map_err(|error| match self.mistake {
            Mistake::EchoesErrors => refuse(400, error.to_string()),
            Mistake::ParsesFirst => refuse(400, "not JSON"),
            _ => acknowledge("ignored"),
        })
    }
}
