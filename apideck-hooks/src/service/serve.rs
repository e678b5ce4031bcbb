//! A server for one receiver.
//!
//! # How it works
//!
//! A connection is accepted only when one of a bounded number is free. hyper's timer closes a
//! connection that sends no head in time, and an idle one too, because a head is what it waits for.
//! `WriteLimit` closes one whose client reads no response.
//!
//! At the first signal the receiver drains, and connections are accepted meanwhile: new deliveries
//! get `503`, and the readiness path tells the load balancer to send none. When the receiver has
//! drained, each connection may end the response that it writes.

use std::convert::Infallible;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::response_body::ResponseBody;
use super::write_limit::WriteLimit;
use crate::hooks::Hooks;
use crate::limits::LONGEST;
use crate::observe::{LogLimit, limited};

/// Maximum length of a request's head in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// Pause after a connection could not be accepted. Mostly no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time in which connections may end after the receiver has drained.
const LAST_RESPONSES: Duration = Duration::from_secs(5);

/// A server for one receiver. [`Hooks::serve`] makes it, and it runs while it is awaited.
#[derive(Debug)]
#[must_use = "a server does nothing unless it is awaited"]
pub struct Serve {
    hooks: Hooks,
    listener: TcpListener,
    path: String,
    health: Option<String>,
    grace: Duration,
    head_deadline: Duration,
    max_connections: usize,
}

impl Hooks {
    /// Serves this receiver over HTTP/1 until a signal asks the process to end. Needs the feature
    /// `serve`.
    ///
    /// It limits the time of a request's head, closes idle connections and those whose client reads
    /// nothing, bounds their number, and shuts down as
    /// [`shutdown_on_signal`](Hooks::shutdown_on_signal) does. TLS and other paths are for a proxy
    /// in front, or for a framework: the receiver is a service of both hyper and tower.
    ///
    /// ```no_run
    /// # use apideck_hooks::Hooks;
    /// # use tokio::net::TcpListener;
    /// # async fn run(hooks: Hooks) -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:3000").await?;
    /// hooks.serve(listener).path("/webhooks/apideck").health("/health").await
    /// # }
    /// ```
    pub fn serve(&self, listener: TcpListener) -> Serve {
        Serve {
            hooks: self.clone(),
            listener,
            path: "/webhooks/apideck".to_owned(),
            health: None,
            grace: Duration::from_secs(20),
            head_deadline: Duration::from_secs(30),
            max_connections: 10_000,
        }
    }
}

impl Serve {
    /// Sets the path of the receiver. Default: `/webhooks/apideck`. Any other path is answered
    /// `404`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets a path that tells if the receiver takes deliveries. Default: none.
    ///
    /// It is answered `200` with `{"status":"ready"}`, and `503` while the receiver shuts down.
    pub fn health(mut self, path: impl Into<String>) -> Self {
        self.health = Some(path.into());
        self
    }

    /// Sets the grace period of a shutdown. Default: 20 seconds. See [`Hooks::shutdown`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the time within which the head of a request must arrive. Default: 30 seconds.
    ///
    /// It also ends a connection that is idle for so long, or whose client reads no byte of a
    /// response for so long. A longer time than a year counts as a year.
    pub fn head_deadline(mut self, deadline: Duration) -> Self {
        self.head_deadline = deadline.min(LONGEST);
        self
    }

    /// Sets the maximum number of connections. Default: 10,000. Minimum: 1.
    ///
    /// Further ones wait until another one ends. Each takes a file descriptor, so raise the limit
    /// of the process (`ulimit -n`) accordingly.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    async fn run(self) -> io::Result<()> {
        // Installs the signal handlers before the first connection is accepted.
        let mut stop = pin!(self.hooks.shutdown_on_signal(self.grace));
        let free = Arc::new(Semaphore::new(self.max_connections));
        let connections = GracefulShutdown::new();
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.head_deadline)
            .max_buf_size(HEAD_BYTES);
        let paths = Arc::new((self.path, self.health));
        let listener = self.listener;
        let accept_log = LogLimit::default();
        loop {
            let accepted = async {
                let permit = Arc::clone(&free).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, stream) = tokio::select! {
                () = &mut stop => break,
                (permit, stream) = accepted => (permit, stream),
            };
            let (stream, peer) = match stream {
                Ok(accepted) => accepted,
                Err(error) => {
                    limited!(accept_log, warn, %error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (hooks, paths) = (self.hooks.clone(), Arc::clone(&paths));
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                respond(hooks.clone(), Arc::clone(&paths), request)
            });
            let stream = TokioIo::new(WriteLimit::new(stream, self.head_deadline));
            let connection = connections.watch(http.serve_connection(stream, service));
            tokio::spawn(async move {
                // An error is a client that went away or did not speak HTTP.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended");
                }
                drop(permit);
            });
        }
        drop(listener);
        let _ = timeout(LAST_RESPONSES, connections.shutdown()).await;
        Ok(())
    }
}

impl IntoFuture for Serve {
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

type Paths = (String, Option<String>);

async fn respond(
    hooks: Hooks,
    paths: Arc<Paths>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let path = request.uri().path();
    if path == paths.0 {
        return Service::call(&hooks, request).await;
    }
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, body) = match &paths.1 {
        Some(health) if asks && path == health && hooks.receiver.is_open() => {
            (StatusCode::OK, r#"{"status":"ready"}"#)
        }
        Some(health) if asks && path == health => {
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"shutting_down"}"#)
        }
        _ => (StatusCode::NOT_FOUND, ""),
    };
    let mut response = Response::new(ResponseBody::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    if !body.is_empty() {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    Ok(response)
}
