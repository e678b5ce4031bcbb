//! Receivers in axum whose verification is a library: `svix` or `standardwebhooks`.

use super::by_hand::{Mutexed, Seen, handle, respond};
use super::{Failure, control};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use perf::by_hand::Envelope;
use perf::event::{PATH, SECRET};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

trait Verify: Send + Sync + 'static {
    fn verify(&self, body: &[u8], headers: &HeaderMap) -> bool;
}

impl Verify for svix::webhooks::Webhook {
    fn verify(&self, body: &[u8], headers: &HeaderMap) -> bool {
        self.verify(body, headers).is_ok()
    }
}

impl Verify for standardwebhooks::Webhook {
    fn verify(&self, body: &[u8], headers: &HeaderMap) -> bool {
        self.verify(body, headers).is_ok()
    }
}

struct App<V> {
    webhook: V,
    seen: Mutexed,
    handled: Arc<AtomicU64>,
}

pub(super) async fn svix(listener: TcpListener) -> Result<(), Failure> {
    run(listener, svix::webhooks::Webhook::from_bytes(SECRET.into())?).await
}

pub(super) async fn standardwebhooks(listener: TcpListener) -> Result<(), Failure> {
    run(listener, standardwebhooks::Webhook::from_bytes(SECRET.into())?).await
}

async fn run<V: Verify>(listener: TcpListener, webhook: V) -> Result<(), Failure> {
    let handled = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&handled);
    control(&listener, move |_| counted.load(Ordering::Relaxed).to_string())?;
    let app = App {
        webhook,
        seen: Mutexed::default(),
        handled,
    };
    let routes = Router::new().route(PATH, post(receive::<V>));
    Ok(axum::serve(listener, routes.with_state(Arc::new(app))).await?)
}

async fn receive<V: Verify>(
    State(app): State<Arc<App<V>>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    if !app.webhook.verify(&body, &headers) {
        return respond(StatusCode::UNAUTHORIZED, r#"{"error":"signature"}"#);
    }
    let Some(id) = headers.get("webhook-id").and_then(|id| id.to_str().ok()) else {
        return respond(StatusCode::BAD_REQUEST, r#"{"error":"id"}"#);
    };
    let Ok(event) = serde_json::from_slice::<Envelope>(&body) else {
        return respond(StatusCode::BAD_REQUEST, r#"{"error":"body"}"#);
    };
    if !app.seen.insert(id) {
        return respond(StatusCode::OK, r#"{"status":"duplicate"}"#);
    }
    handle(event, &app.handled).await;
    respond(StatusCode::OK, r#"{"status":"handled"}"#)
}
