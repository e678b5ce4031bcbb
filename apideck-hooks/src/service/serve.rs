//! `Hooks` as a service of hyper and of tower.

use super::body;
use super::refusal::Refusal;
use super::response::response;
use crate::disposition::{Disposition, Why};
use crate::hooks::{Arrival, Dispatched, Hooks, Progress, Receiver};
use crate::poll;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;
use tokio::time::{Instant, timeout, timeout_at};

/// The future of a response.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Result<Disposition, Refusal>> + Send>>);

impl Future for ResponseFuture {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(|outcome| Ok(response(outcome)))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl Hooks {
    fn respond<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        ResponseFuture(Box::pin(Arc::clone(&self.receiver).receive(request)))
    }
}

impl<B> hyper::service::Service<Request<B>> for Hooks
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl<B> tower_service::Service<Request<B>> for Hooks
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Always ready: a sender waits for a response, so too many deliveries are refused and not held back.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl Receiver {
    // Not an `async fn`, which would keep all of the request, and twice.
    fn receive<B>(
        self: Arc<Self>,
        request: Request<B>,
    ) -> impl Future<Output = Result<Disposition, Refusal>> + Send
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.counters.requests.add();
        let arrived = Instant::now();
        let received_at = SystemTime::now();
        let (Parts { method, headers, .. }, body) = request.into_parts();
        async move {
            if method != Method::POST {
                return Err(Refusal::Method);
            }
            let mut now = arrived;
            let body = {
                let mut body = pin!(body);
                let mut read = pin!(body::read(body.as_mut(), self.limits.body_limit));
                match poll::once(read.as_mut()).await {
                    // Most small bodies arrive with their head.
                    Poll::Ready(body) => body,
                    Poll::Pending => {
                        let read = Box::pin(timeout(self.limits.body_deadline, read)).await;
                        now = Instant::now();
                        read.unwrap_or(Err(Refusal::TooSlow))
                    }
                }?
            };
            let work = match self.verify_and_dispatch(headers, body, received_at, now)? {
                Dispatched::Work(work) => work,
                Dispatched::Settled(disposition) => return Ok(disposition),
            };
            let task = match work.begin().await {
                Progress::Done(disposition) => return Ok(disposition),
                Progress::Waiting(task) => task,
            };
            // Boxed, because a timer takes memory that most deliveries do not need.
            match Box::pin(timeout_at(arrived + self.limits.response_deadline, task)).await {
                Ok(Ok(disposition)) => Ok(disposition),
                // The task was stopped with its runtime, or a `Drop` in the handler panicked.
                Ok(Err(_)) => Ok(Disposition::Failed),
                Err(_) => {
                    self.counters.late.add();
                    tracing::warn!(
                        "the handler runs past the response deadline: answered 503, and it goes on"
                    );
                    Ok(Disposition::later_in(Why::Running, self.limits.lease))
                }
            }
        }
    }

    /// Verifies the body, takes a permit and finds the handler.
    fn verify_and_dispatch(
        &self,
        headers: HeaderMap,
        body: Bytes,
        received_at: SystemTime,
        now: Instant,
    ) -> Result<Dispatched, Refusal> {
        let text = self.verifier.verified_text(&headers, body).map_err(|body| {
            self.counters.unauthorized.add();
            tracing::warn!("refused: {}", self.verifier.explain(&headers, &body));
            Refusal::Unauthorized
        })?;
        let permit = match self.admit() {
            Ok(permit) => permit,
            Err(why) => {
                if why == Why::Busy {
                    self.counters.overloaded.add();
                    tracing::warn!("too many deliveries at once: answered 503");
                }
                return Ok(Dispatched::Settled(Disposition::later(why)));
            }
        };
        let arrival = Arrival {
            headers,
            text,
            received_at,
            now,
            replayed: None,
            permit,
        };
        let dispatched = Arc::clone(&self.dispatch).dispatch(arrival);
        dispatched.map_err(|_| Refusal::Contradiction)
    }
}
