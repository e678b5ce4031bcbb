//! `Hooks` as a service of hyper and of tower.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;

use super::response::{Shape, response};
use super::response_body::ResponseBody;
use crate::hooks::Hooks;
use crate::observe::AnswerKind;

/// The future of a response. Its output is always `Ok`.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ResponseFuture {
    // The response is made outside of it, because an `async` block around another future keeps
    // that future twice.
    answer: Pin<Box<dyn Future<Output = AnswerKind> + Send>>,
    shape: Shape,
}

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shape = self.shape;
        let answer = self.answer.as_mut().poll(cx);
        answer.map(|answer| Ok(response(answer, shape)))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl Hooks {
    /// Starts the response to a request. All ways in call it.
    pub(super) fn respond<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        ResponseFuture {
            shape: Shape::of(request.method(), request.version()),
            answer: Box::pin(Arc::clone(&self.receiver).receive(request)),
        }
    }
}

impl<B> hyper::service::Service<Request<B>> for Hooks
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
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
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
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
