//! A request up to its answer.
//!
//! # How it works
//!
//! All that costs nothing comes first: the method, the form of the signature, and the length that
//! the body declares. A request that fails one of these checks is answered before its body is read,
//! so a stranger gets no memory and no `100 Continue`. A line in the log costs more than such a
//! refusal, so there is at most one of them a second, and it tells how many were omitted.

use std::error::Error;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use http_body::Body;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;

use super::response::status;
use super::unread::Unread;
use super::{body, drain};
use crate::delivery;
use crate::disposition::{Disposition, Why};
use crate::hooks::{Arrival, Course, LetterKept, Progress, Receiver, TakeContext, Waiting};
use crate::observe::{AnswerKind, IncidentKind, OpenRequest, Report};
use crate::poll;
use crate::refusal::Refusal;
use crate::signature::{VerifiedText, Verifier};

impl Receiver {
    /// Handles a request up to its answer.
    // Not an `async fn`, because that would keep the whole request in its future, and twice.
    pub(super) fn receive<B>(self: Arc<Self>, request: Request<B>) -> impl Future<Output = AnswerKind> + Send
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let peer = parts.extensions.get::<SocketAddr>().copied();
        let report = Report::take(&mut parts.extensions);
        let mut open = OpenRequest::new(&self.observers, peer, report);
        let post = parts.method == Method::POST;
        let head = Head::new(parts, self.context.is_some());
        async move {
            if !post {
                return refuse(open, Refusal::WrongMethod, || "the method is not POST".to_owned());
            }
            let Ok(mac) = self.verifier.mac(&head.headers) else {
                drain::unread(body, &head.headers).await;
                return refuse(open, Refusal::Unauthorized, || {
                    Verifier::explain_header(&head.headers)
                });
            };
            let mut now = open.arrived;
            let body = match self.received(&head.headers, body, &mut now).await {
                Ok(body) => body,
                Err(unread) => return refuse(open, unread.refusal(), || self.explain_unread(&unread)),
            };
            let length = body.len();
            let (text, matched) = match self.verifier.verified_text(&mac, body) {
                Ok(verified) => verified,
                Err(body) => {
                    return refuse(open, Refusal::Unauthorized, || {
                        self.verifier.explain(&head.headers, &body).to_string()
                    });
                }
            };
            let span = open.verified(matched, length);
            self.answer(head, text, now, open).instrument(span).await
        }
    }

    /// Runs the handler of a verified delivery, in its span.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` stores its arguments twice")]
    fn answer(
        &self,
        head: Head,
        text: VerifiedText,
        now: Instant,
        mut open: OpenRequest,
    ) -> impl Future<Output = AnswerKind> + Send {
        async move {
            let permit = match self.admit() {
                Ok(permit) => permit,
                Err(why) => {
                    open.about(self.dispatch.refused(&head.headers, &text, why));
                    return dispose(open, Disposition::later(why));
                }
            };
            let Some((headers, context)) = head.context(self.context.as_deref()) else {
                tracing::error!("the function given to `context` panicked: answered 500");
                return dispose(open, Disposition::Failed);
            };
            let dispatched = Arc::clone(&self.dispatch).dispatch(Arrival {
                headers,
                context,
                text,
                received_at: open.received_at,
                now,
                replayed: None,
                worker: None,
                permit,
                report: open.report.clone(),
            });
            open.about(dispatched.about);
            let work = match dispatched.course {
                Course::Work(work) => work,
                Course::Settled(disposition) => return dispose(open, disposition),
                Course::Contradicted => {
                    return refuse(open, Refusal::Contradiction, || {
                        format!(
                            "{} names another event than the signed body",
                            delivery::EVENT_TYPE
                        )
                    });
                }
            };
            let disposition = match work.begin().await {
                Progress::Done(disposition) => disposition,
                Progress::Waiting(waiting) => self.wait(waiting, &open).await,
            };
            dispose(open, disposition)
        }
    }

    /// Waits for work until the response deadline.
    async fn wait(&self, mut waiting: Waiting, open: &OpenRequest) -> Disposition {
        let deadline = open.arrived + self.limits.response_deadline;
        // Boxed, because most deliveries do not need the memory of its timer.
        match Box::pin(timeout_at(deadline, &mut waiting.task)).await {
            Ok(Ok(disposition)) => disposition,
            // The runtime was shut down, or a `Drop` in the handler panicked.
            Ok(Err(_)) => Disposition::Failed,
            Err(_) => {
                open.incident(IncidentKind::Late);
                self.late(waiting.letter_kept.as_ref())
            }
        }
    }

    /// Receives the body, and brings the time up to date if that takes some.
    async fn received<B>(&self, headers: &HeaderMap, body: B, now: &mut Instant) -> Result<Bytes, Unread>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if body::is_too_large(&body, self.limits.body_limit) {
            drain::unread(body, headers).await;
            return Err(Unread::TooLarge);
        }
        if body.size_hint().exact().is_some() {
            return self.read(pin!(body), now).await;
        }
        // Boxed, so that the rest of a body that grows too large can be read by a task.
        let mut body = Box::pin(body);
        let read = self.read(body.as_mut(), now).await;
        if let Err(Unread::TooLarge) = read {
            drain::rest(body).await;
        }
        read
    }

    /// Reads the body. Most bodies need no timer.
    async fn read<B>(&self, body: Pin<&mut B>, now: &mut Instant) -> Result<Bytes, Unread>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut read = pin!(body::read(body, self.limits.body_limit, &self.budget));
        match poll::once(read.as_mut()).await {
            // A small body mostly arrives together with the head.
            Poll::Ready(body) => body,
            Poll::Pending => {
                let read = Box::pin(timeout(self.limits.body_deadline, read)).await;
                *now = Instant::now();
                read.unwrap_or(Err(Unread::TooSlow))
            }
        }
    }

    /// Tells why a body was not received, with the limit that it broke.
    fn explain_unread(&self, unread: &Unread) -> String {
        let limits = &self.limits;
        match unread {
            Unread::TooLarge => format!(
                "the body is longer than `body_limit` ({} bytes) or a layer's limit",
                limits.body_limit
            ),
            Unread::TooSlow => format!(
                "the body did not arrive within `body_deadline` ({:?})",
                limits.body_deadline
            ),
            Unread::OverBudget => format!(
                "the bodies that are being received take more than `body_budget` ({} bytes), and this one is the \
                 slowest",
                limits.body_budget
            ),
            Unread::Incomplete(error) => format!("the body ended early: {error}"),
        }
    }

    /// Decides the disposition of a delivery whose handler still runs at the response deadline.
    fn late(&self, letter_kept: Option<&LetterKept>) -> Disposition {
        if letter_kept.is_some_and(LetterKept::is_set) {
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
}

fn refuse(open: OpenRequest, refusal: Refusal, reason: impl FnOnce() -> String) -> AnswerKind {
    let status = status(AnswerKind::Refused(refusal)).as_u16();
    open.refuse(refusal, status, reason)
}

fn dispose(open: OpenRequest, disposition: Disposition) -> AnswerKind {
    let status = status(AnswerKind::Disposition(disposition)).as_u16();
    open.dispose(disposition, status)
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

    /// Returns the headers, and the context that the user takes from the request. `None` if the
    /// user's function panicked.
    fn context(self, take: Option<&TakeContext>) -> Option<(HeaderMap, delivery::Context)> {
        match (take, self.parts) {
            (Some(take), Some(mut parts)) => {
                parts.headers = self.headers;
                let context = catch_unwind(AssertUnwindSafe(|| take(&parts))).ok()?;
                Some((parts.headers, context))
            }
            _ => Some((self.headers, delivery::Context::default())),
        }
    }
}
