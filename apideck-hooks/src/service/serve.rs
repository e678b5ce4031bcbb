//! `Hooks` as a service of hyper and of tower.

use super::body;
use super::{Answer, Later};
use crate::hooks::{Arrival, Begun, Edge, Hooks, Phase, Work};
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

/// The answer to a request, in a while.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Answer> + Send>>);

impl Future for ResponseFuture {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(|answer| Ok(answer.into_response()))
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
        ResponseFuture(Box::pin(Arc::clone(&self.edge).answer(request)))
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
        // Too many deliveries are answered, not held back: a sender waits for an answer.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.respond(request)
    }
}

impl Edge {
    // Not an `async fn`, which would keep all of the request, and twice.
    fn answer<B>(self: Arc<Self>, request: Request<B>) -> impl Future<Output = Answer> + Send
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.stats.requests.add();
        let arrived = Instant::now();
        let received_at = SystemTime::now();
        let (Parts { method, headers, .. }, body) = request.into_parts();
        async move {
            if method != Method::POST {
                return Answer::MethodNotAllowed;
            }
            let mut now = arrived;
            let body = {
                let mut body = pin!(body);
                let mut read = pin!(body::read(body.as_mut(), self.limits.body_limit));
                match poll::once(read.as_mut()).await {
                    // A small body comes with its head, most of the time.
                    Poll::Ready(body) => body,
                    Poll::Pending => {
                        let read = Box::pin(timeout(self.limits.body_deadline, read)).await;
                        now = Instant::now();
                        read.unwrap_or(Err(Answer::BodyTimeout))
                    }
                }
            };
            let body = match body {
                Ok(body) => body,
                Err(answer) => return answer,
            };
            let work = match self.admit(headers, body, received_at, now) {
                Ok(work) => work,
                Err(answer) => return answer,
            };
            let task = match work.begin().await {
                Begun::Done(answer) => return answer,
                Begun::Waiting(task) => task,
            };
            // Boxed, as above: a timer takes room that most deliveries have no use for.
            match Box::pin(timeout_at(arrived + self.limits.response_deadline, task)).await {
                Ok(Ok(answer)) => answer,
                // The task was stopped with its runtime, or a `Drop` in the handler panicked.
                Ok(Err(_)) => Answer::Failed,
                Err(_) => {
                    self.stats.late.add();
                    tracing::warn!(
                        "the handler runs past the response deadline: answered 503, and it goes on"
                    );
                    Answer::Later(Later::Running, Later::seconds(self.limits.lease))
                }
            }
        }
    }

    /// What is to be done for a request once its body is there, or the answer where that is nothing.
    fn admit(
        &self,
        headers: HeaderMap,
        body: Bytes,
        received_at: SystemTime,
        now: Instant,
    ) -> Result<Work, Answer> {
        let new_text = match self.verifier.verify(&headers, &body) {
            Ok(verified) => verified.into_new_text(),
            Err(_) => {
                self.stats.unauthorized.add();
                tracing::warn!("refused: {}", self.verifier.explain(&headers, &body));
                return Err(Answer::Unauthorized);
            }
        };
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            // A shutdown collects the permits.
            if *self.phase.borrow() != Phase::Open {
                return Err(Answer::Later(Later::ShuttingDown, Later::DEFAULT));
            }
            self.stats.overloaded.add();
            tracing::warn!("too many deliveries at once: answered 503");
            return Err(Answer::Later(Later::Busy, Later::DEFAULT));
        };
        // After the permit: a shutdown waits for all of them before it looks for what came in between.
        if *self.phase.borrow() != Phase::Open {
            return Err(Answer::Later(Later::ShuttingDown, Later::DEFAULT));
        }
        Arc::clone(&self.engine).take(Arrival {
            headers,
            text: new_text.unwrap_or(body),
            received_at,
            now,
            record: None,
            permit,
        })
    }
}
