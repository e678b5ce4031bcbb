//! A server that keeps each request, to look at.

use apideck_hooks_tests::server;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use bytes::Bytes;
use std::sync::{Arc, Mutex};

/// The requests that a server has got.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Captured {
    /// Starts the server, and returns its URL.
    pub(crate) async fn start(&self) -> String {
        let captured = self.clone();
        let answer = move |request: Request| {
            let captured = captured.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 1 << 24).await.expect("a body");
                captured.0.lock().expect("no panic").push((parts.headers, body));
                "{}"
            }
        };
        format!("http://{}/", server::axum(Router::new().fallback(answer)).await)
    }

    /// Takes the only request.
    pub(crate) fn take(&self) -> (HeaderMap, Bytes) {
        let mut requests = std::mem::take(&mut *self.0.lock().expect("no panic"));
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }
}
