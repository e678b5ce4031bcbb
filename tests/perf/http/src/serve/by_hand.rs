//! Receivers by hand: verify the body, parse the event, remember its key.

use super::{Failure, connections, control};
use crate::request::Scheme;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use perf::by_hand::{Envelope, EventType};
use perf::event::{self, PATH};
use serde_json::Value;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The keys of earlier deliveries.
pub(super) trait Seen: Send + Sync + 'static {
    /// Inserts a key. Returns `true` if it is new.
    fn insert(&self, key: &str) -> bool;
}

/// The simplest map. It grows without end.
#[derive(Default)]
pub(super) struct Mutexed(Mutex<HashMap<String, Instant>>);

impl Seen for Mutexed {
    fn insert(&self, key: &str) -> bool {
        let mut seen = self.0.lock().expect("no panic");
        seen.insert(key.to_owned(), Instant::now()).is_none()
    }
}

/// A cache with the capacity and the retention that the memory store has by default.
pub(super) struct Moka(moka::sync::Cache<String, ()>);

impl Default for Moka {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        Self(
            moka::sync::Cache::builder()
                .max_capacity(1_000_000)
                .time_to_live(day)
                .build(),
        )
    }
}

impl Seen for Moka {
    fn insert(&self, key: &str) -> bool {
        self.0.entry_by_ref(key).or_insert(()).is_fresh()
    }
}

struct App<S> {
    key: Hmac<Sha256>,
    scheme: Scheme,
    seen: S,
    handled: Arc<AtomicU64>,
}

fn app<S: Seen>(listener: &TcpListener, scheme: Scheme, seen: S) -> Result<Arc<App<S>>, Failure> {
    let handled = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&handled);
    control(listener, move |_| counted.load(Ordering::Relaxed).to_string())?;
    Ok(Arc::new(App {
        key: event::key(),
        scheme,
        seen,
        handled,
    }))
}

pub(super) async fn axum<S: Seen>(listener: TcpListener, seen: S) -> Result<(), Failure> {
    let routes = Router::new().route(PATH, post(receive::<S>));
    let app = app(&listener, Scheme::Raw, seen)?;
    Ok(axum::serve(listener, routes.with_state(app)).await?)
}

async fn receive<S: Seen>(
    State(app): State<Arc<App<S>>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let (status, body) = app.decide(&headers, &body).await;
    respond(status, body)
}

/// Serves the same with hyper alone.
pub(super) async fn hyper(listener: TcpListener, scheme: Scheme) -> Result<(), Failure> {
    let app = app(&listener, scheme, Mutexed::default())?;
    let service = service_fn(move |request: Request<Incoming>| {
        let app = Arc::clone(&app);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let (status, body) = app.decide(&head.headers, &body).await;
            let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
            *response.status_mut() = status;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok::<_, hyper::Error>(response)
        }
    });
    connections(listener, service).await
}

impl<S: Seen> App<S> {
    fn mac(&self, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mac = self.key.clone();
        Some(match self.scheme {
            // A map of serde_json is sorted by name.
            Scheme::Sorted => {
                let value: Value = serde_json::from_slice(body).ok()?;
                mac.chain_update(serde_json::to_vec(&value).ok()?)
            }
            _ => mac.chain_update(body),
        })
    }

    async fn decide(&self, headers: &HeaderMap, body: &[u8]) -> (StatusCode, &'static str) {
        let signature = headers
            .get("x-apideck-signature")
            .and_then(|value| unhex(value.as_bytes()));
        let Some(mac) = self.mac(body) else {
            return (StatusCode::BAD_REQUEST, r#"{"error":"body"}"#);
        };
        if signature.is_none_or(|signature| mac.verify_slice(&signature).is_err()) {
            return (StatusCode::UNAUTHORIZED, r#"{"error":"signature"}"#);
        }
        let Some(key) = headers
            .get("x-apideck-idempotency-key")
            .and_then(|key| key.to_str().ok())
        else {
            return (StatusCode::BAD_REQUEST, r#"{"error":"key"}"#);
        };
        let Ok(event) = serde_json::from_slice::<Envelope>(body) else {
            return (StatusCode::BAD_REQUEST, r#"{"error":"body"}"#);
        };
        if !self.seen.insert(key) {
            return (StatusCode::OK, r#"{"status":"duplicate"}"#);
        }
        handle(event, &self.handled).await;
        (StatusCode::OK, r#"{"status":"handled"}"#)
    }
}

pub(super) fn respond(status: StatusCode, body: &'static str) -> impl IntoResponse + use<> {
    (status, [(CONTENT_TYPE, "application/json")], body)
}

pub(super) async fn handle(event: Envelope, handled: &AtomicU64) {
    match std::hint::black_box(event).payload.event_type {
        EventType::Created => {
            handled.fetch_add(1, Ordering::Relaxed);
        }
        EventType::Callable | EventType::Updated | EventType::Deleted => {}
    }
}

fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
