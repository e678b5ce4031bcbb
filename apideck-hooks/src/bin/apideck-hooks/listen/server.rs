//! The server: connections and requests, under limits.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::proxy::{Proxied, Proxy, problem};

const MAX_CONNECTIONS: usize = 64;
const MAX_BODY: usize = 1024 * 1024;
const HEAD_DEADLINE: Duration = Duration::from_secs(30);
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Longest life of a connection, so that clients that read no response cannot take all places.
const LONGEST_LIFE: Duration = Duration::from_secs(15 * 60);
/// Time for the requests in flight after an interrupt.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until the process is interrupted.
pub(super) async fn serve(listener: TcpListener, proxy: &Arc<Proxy>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut interrupt = std::pin::pin!(interrupted());
    loop {
        let accepted = async {
            // The semaphore is never closed, so there is always a permit in the end.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = &mut interrupt => break,
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(_) => {
                    // Too many open files, for example, which takes a moment to pass.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let proxy = Arc::clone(proxy);
        let service = service_fn(move |request| {
            let proxy = Arc::clone(&proxy);
            async move { Ok::<_, Infallible>(receive(&proxy, request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that leaves early is no fault of this side.
            let _ = timeout(LONGEST_LIFE, connection).await;
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = interrupted() => {}
        () = tokio::time::sleep(GRACE) => {}
    }
}

async fn receive(proxy: &Arc<Proxy>, request: Request<Incoming>) -> Proxied {
    if request.method() != Method::POST {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "the method of a webhook is POST");
    }
    let (parts, body) = request.into_parts();
    let body = match timeout(BODY_DEADLINE, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            proxy.refused("413 a body longer than 1 MiB");
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB");
        }
        Ok(Err(_)) => return problem(StatusCode::BAD_REQUEST, "the body ended early"),
        Err(_) => {
            proxy.refused("408 a body that did not arrive in time");
            return problem(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time");
        }
    };
    // In a task of its own, so that a client that leaves does not stop a delivery half-way.
    let proxy = Arc::clone(proxy);
    let delivered = tokio::spawn(async move { proxy.deliver(parts.headers, body).await });
    delivered
        .await
        .unwrap_or_else(|_| problem(StatusCode::SERVICE_UNAVAILABLE, "the proxy failed"))
}

/// Waits for an interrupt or a request to end.
#[cfg(unix)]
fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    // Made at once, so that a signal that comes before the first wait counts too.
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
fn interrupted() -> impl Future<Output = ()> {
    async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
