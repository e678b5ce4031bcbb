//! Servers that read the body and respond 200, and one that responds 404.

use super::{Failure, connections, control};
use axum::Router;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::service::service_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

const BODY: &str = r#"{"status":"handled"}"#;

pub(super) async fn hyper(listener: TcpListener) -> Result<(), Failure> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    control(&listener, move |_| counted.load(Ordering::Relaxed).to_string())?;
    let service = service_fn(move |request: Request<Incoming>| {
        let count = Arc::clone(&count);
        async move {
            request.into_body().collect().await?.to_bytes();
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from_static(BODY.as_bytes()))))
        }
    });
    connections(listener, service).await
}

/// Answers every request 404 without reading its body.
pub(super) async fn not_found(listener: TcpListener) -> Result<(), Failure> {
    control(&listener, |_| "0".to_owned())?;
    let service = service_fn(|_: Request<Incoming>| async {
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok::<_, hyper::Error>(response)
    });
    connections(listener, service).await
}

pub(super) async fn axum(listener: TcpListener) -> Result<(), Failure> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    control(&listener, move |_| counted.load(Ordering::Relaxed).to_string())?;
    let app = Router::new()
        .route(perf::event::PATH, post(receive))
        .with_state(count);
    Ok(axum::serve(listener, app).await?)
}

async fn receive(State(count): State<Arc<AtomicU64>>, _: Bytes) -> &'static str {
    count.fetch_add(1, Ordering::Relaxed);
    BODY
}
