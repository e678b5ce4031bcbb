//! Servers on loopback.

use apideck_hooks::Hooks;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let addr = listener.local_addr().expect("an address");
    (listener, addr)
}

/// Serves hyper connections until the runtime ends.
pub async fn hyper(hooks: Hooks) -> SocketAddr {
    let (listener, addr) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let hooks = hooks.clone();
            tokio::spawn(async move {
                let mut http = hyper::server::conn::http1::Builder::new();
                let _ = http
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), hooks)
                    .await;
            });
        }
    });
    addr
}

/// Serves an axum application until the runtime ends.
pub async fn axum(app: axum::Router) -> SocketAddr {
    let (listener, addr) = listener().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

/// Serves an axum application on a listener with a time limit for the head of a request.
pub fn axum_with_timer(listener: TcpListener, app: axum::Router, head_deadline: Duration) {
    tokio::spawn(async move {
        let service = TowerToHyperService::new(app);
        while let Ok((stream, _)) = listener.accept().await {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(head_deadline);
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
}

/// Serves hyper connections of HTTP/2 until the runtime ends.
pub async fn http2(hooks: Hooks) -> SocketAddr {
    let (listener, addr) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), hooks.clone()));
        }
    });
    addr
}

/// Serves with the receiver's own server until the runtime ends.
pub async fn own(hooks: &Hooks) -> SocketAddr {
    let (listener, addr) = listener().await;
    tokio::spawn(hooks.serve(listener).path("/").into_future());
    addr
}
