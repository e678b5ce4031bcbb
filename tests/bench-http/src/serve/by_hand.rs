//! The receiver that one would write: verify the raw body, read the event into a struct, remember its key.

use super::{Failure, control};
use crate::event::SECRET;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The same fields as ours, with texts of their own.
#[derive(Deserialize)]
pub(super) struct Envelope {
    payload: Payload,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
struct Payload {
    event_id: String,
    event_type: EventType,
    service_id: String,
    entity_id: String,
    entity_type: String,
    entity: Connection,
    execution_attempt: u32,
    occurred_at: jiff::Timestamp,
    migrated_from: Option<String>,
}

#[derive(Deserialize)]
enum EventType {
    #[serde(rename = "vault.connection.created")]
    Created,
    #[serde(rename = "vault.connection.updated")]
    Updated,
    #[serde(rename = "vault.connection.callable")]
    Callable,
    #[serde(rename = "vault.connection.deleted")]
    Deleted,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
struct Connection {
    id: String,
    consumer_id: String,
    unified_api: String,
    service_id: String,
    name: String,
    icon: String,
    logo: String,
    website: String,
    tag_line: String,
    auth_type: AuthType,
    enabled: bool,
    state: ConnectionState,
    health: Option<String>,
    settings: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    created_at: jiff::Timestamp,
    updated_at: Option<jiff::Timestamp>,
    credentials_expire_at: Option<jiff::Timestamp>,
    last_refresh_failed_at: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum AuthType {
    Oauth2,
    ApiKey,
    Basic,
    Custom,
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConnectionState {
    Available,
    Callable,
    Added,
    Authorized,
    Invalid,
}

/// Which keys there were.
pub(super) trait Seen: Send + Sync + 'static {
    /// Whether the key is a new one.
    fn insert(&self, key: &str) -> bool;
}

/// What one writes first. It forgets nothing.
#[derive(Default)]
pub(super) struct Mutexed(Mutex<HashMap<String, Instant>>);

impl Seen for Mutexed {
    fn insert(&self, key: &str) -> bool {
        let mut seen = self.0.lock().expect("no panic");
        seen.insert(key.to_owned(), Instant::now()).is_none()
    }
}

/// As much and for as long as ours by default.
pub(super) struct Moka(moka::sync::Cache<String, ()>);

impl Default for Moka {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        Moka(
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
    seen: S,
    handled: Arc<AtomicU64>,
}

pub(super) async fn run<S: Seen>(listener: TcpListener, seen: S) -> Result<(), Failure> {
    let handled = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&handled);
    control(&listener, move |_| counted.load(Ordering::Relaxed).to_string())?;
    let app = App {
        key: Hmac::new_from_slice(SECRET.as_bytes())?,
        seen,
        handled,
    };
    let routes = Router::new().route(crate::event::PATH, post(receive::<S>));
    Ok(axum::serve(listener, routes.with_state(Arc::new(app))).await?)
}

async fn receive<S: Seen>(
    State(app): State<Arc<App<S>>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let signature = headers
        .get("x-apideck-signature")
        .and_then(|value| unhex(value.as_bytes()));
    let mac = app.key.clone().chain_update(&body);
    if signature.is_none_or(|signature| mac.verify_slice(&signature).is_err()) {
        return answer(StatusCode::UNAUTHORIZED, r#"{"error":"signature"}"#);
    }
    let Some(key) = headers
        .get("x-apideck-idempotency-key")
        .and_then(|key| key.to_str().ok())
    else {
        return answer(StatusCode::BAD_REQUEST, r#"{"error":"key"}"#);
    };
    let Ok(event) = serde_json::from_slice::<Envelope>(&body) else {
        return answer(StatusCode::BAD_REQUEST, r#"{"error":"body"}"#);
    };
    if !app.seen.insert(key) {
        return answer(StatusCode::OK, r#"{"status":"duplicate"}"#);
    }
    handle(event, &app.handled).await;
    answer(StatusCode::OK, r#"{"status":"handled"}"#)
}

pub(super) fn answer(status: StatusCode, body: &'static str) -> impl IntoResponse + use<> {
    (status, [(CONTENT_TYPE, "application/json")], body)
}

pub(super) async fn handle(event: Envelope, handled: &AtomicU64) {
    match std::hint::black_box(event.payload).event_type {
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
