//! The quickstart on bare hyper.
//!
//! Run it with `cargo run -p quickstart-hyper`, then send an event with the `curl` command of the
//! README.

use std::{convert::Infallible, env, error::Error, pin::pin, time::Duration};

use apideck_hooks::events::{AnyEvent, ConnectionCallable, ConnectionEvent};
use apideck_hooks::{Hooks, on, router};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tracing::{info, warn};

#[on("vault.connection.callable")]
async fn start_sync(event: ConnectionCallable) {
    info!(
        consumer = event.entity.consumer_id,
        service = event.entity.service_id,
        "start the first sync"
    );
}

#[on("vault.connection.token_refresh.*")]
async fn token_refresh(event: ConnectionEvent) {
    info!(connection = event.entity_id, health = ?event.entity.health, "the state of the token has changed");
}

#[on("*")]
async fn anything_else(event: AnyEvent) {
    info!(entity = event.entity_id(), "nothing to do");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().compact().with_target(false).init();
    let secret = env::var("APIDECK_API_KEY").unwrap_or_else(|_| {
        warn!("APIDECK_API_KEY is not set: anyone can send events with the key `demo-key`");
        "demo-key".to_owned()
    });
    let hooks = Hooks::builder(router![start_sync, token_refresh, anything_else])
        .secret(secret)
        .build()?;
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(addr).await?;
    // Installs the signal handlers before the first connection is accepted.
    let mut stop = pin!(hooks.shutdown_on_signal(Duration::from_secs(20)));
    info!("listening on http://{}/webhooks/apideck", listener.local_addr()?);

    let connections = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely no file descriptor is free. The pause lets other connections end.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let hooks = hooks.clone();
        let service = service_fn(move |request| serve(hooks.clone(), request));
        let mut http = hyper::server::conn::http1::Builder::new();
        // With a timer, hyper closes a connection that does not send its head in time.
        let connection = http
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    connections.shutdown().await;
    Ok(())
}

/// Passes webhooks to the receiver. Any other path is answered `404`.
async fn serve(hooks: Hooks, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/webhooks/apideck" {
        return hooks.call(request).await;
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}
