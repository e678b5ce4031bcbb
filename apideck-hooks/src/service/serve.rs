//! `Hooks` as a service of hyper and of tower.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tokio::time::{Instant, timeout, timeout_at};

use super::body;
use super::refusal::Refusal;
use super::response::response;
use crate::delivery;
use crate::disposition::{Disposition, Why};
use crate::hooks::{self, Arrival, Dispatched, Hooks, LetterKept, Progress, Receiver, TakeContext};
use crate::poll;

/// The future of a response. Its output is always `Ok`.
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
    /// Starts the response to a request. Both services call it.
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
        // Always ready. Deliveries beyond the limit are refused and not held back, because Apideck
        // waits for a response.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl Receiver {
    /// Handles a request up to its disposition or refusal.
    // Not an `async fn`, because that would keep the whole request in its future, and twice.
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
        let (parts, body) = request.into_parts();
        let post = parts.method == Method::POST;
        let head = Head::new(parts, self.context.is_some());
        async move {
            if !post {
                return Err(Refusal::Method);
            }
            let mut now = arrived;
            let body = {
                let mut body = pin!(body);
                let mut read = pin!(body::read(body.as_mut(), self.limits.body_limit));
                match poll::once(read.as_mut()).await {
                    // A small body mostly arrives together with the head.
                    Poll::Ready(body) => body,
                    Poll::Pending => {
                        let read = Box::pin(timeout(self.limits.body_deadline, read)).await;
                        now = Instant::now();
                        read.unwrap_or(Err(Refusal::TooSlow))
                    }
                }?
            };
            let work = match self.verify_and_dispatch(head, body, received_at, now)? {
                Dispatched::Work(work) => work,
                Dispatched::Settled(disposition) => return Ok(disposition),
            };
            let (task, letter_kept) = match work.begin().await {
                Progress::Done(disposition) => return Ok(disposition),
                Progress::Waiting(task, letter_kept) => (task, letter_kept),
            };
            // Boxed, because most deliveries do not need the memory of its timer.
            match Box::pin(timeout_at(arrived + self.limits.response_deadline, task)).await {
                Ok(Ok(disposition)) => Ok(disposition),
                // The runtime was shut down, or a `Drop` in the handler panicked.
                Ok(Err(_)) => Ok(Disposition::Failed),
                Err(_) => Ok(self.late(letter_kept)),
            }
        }
    }

    /// Decides the disposition of a delivery whose handler still runs at the response deadline.
    fn late(&self, letter_kept: Option<LetterKept>) -> Disposition {
        self.counters.late.add();
        if letter_kept.is_some_and(|kept| kept.is_set()) {
            // The last delivery of its event. Another one never comes.
            tracing::warn!(
                "the handler of a last delivery is still running at the response deadline: it goes on, and the \
                 event is kept as a dead letter until it succeeds"
            );
            return Disposition::DeadLettered;
        }
        tracing::warn!("the handler is still running at the response deadline: answered 503, and it goes on");
        Disposition::later_in(Why::Running, self.limits.lease)
    }

    /// Verifies the body, takes a permit and finds the handler.
    fn verify_and_dispatch(
        &self,
        head: Head,
        body: Bytes,
        received_at: SystemTime,
        now: Instant,
    ) -> Result<Dispatched, Refusal> {
        let text = self.verifier.verified_text(&head.headers, body).map_err(|body| {
            self.counters.unauthorized.add();
            tracing::warn!("refused: {}", self.verifier.explain(&head.headers, &body));
            Refusal::Unauthorized
        })?;
        let permit = match self.admit() {
            Ok(permit) => permit,
            Err(why) => {
                if why == Why::Busy {
                    self.counters.overloaded.add();
                    tracing::warn!("too many deliveries are in flight: answered 503");
                }
                if hooks::is_last_delivery(&text) {
                    self.counters.last_refused.add();
                    tracing::error!("the last delivery of an event is refused before the store was asked");
                }
                return Ok(Dispatched::Settled(Disposition::later(why)));
            }
        };
        let (headers, context) = head.context(self.context.as_deref());
        let arrival = Arrival {
            headers,
            context,
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

/// The head of a request.
struct Head {
    headers: HeaderMap,
    /// The other parts, without the headers. Kept only for the user's context.
    parts: Option<Box<Parts>>,
}

impl Head {
    fn new(mut parts: Parts, keep: bool) -> Self {
        Self {
            headers: std::mem::take(&mut parts.headers),
            parts: keep.then(|| Box::new(parts)),
        }
    }

    /// Returns the headers, and the context that the user takes from the request.
    fn context(self, take: Option<&TakeContext>) -> (HeaderMap, delivery::Context) {
        match (take, self.parts) {
            (Some(take), Some(mut parts)) => {
                parts.headers = self.headers;
                let context = take(&parts);
                (parts.headers, context)
            }
            _ => (self.headers, delivery::Context::default()),
        }
    }
}
