//! A request up to its disposition or refusal.
//!
//! # How it works
//!
//! All that costs nothing comes first: the method, the form of the signature, and the length that
//! the body declares. A request that fails one of these checks is answered before its body is read,
//! so a stranger gets no memory and no `100 Continue`. A line in the log costs more than such a
//! refusal, so there is at most one of them a second, and it tells how many were omitted. The
//! others are logged at DEBUG.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use http_body::Body;
use tokio::time::{Instant, timeout, timeout_at};

use super::refusal::Refusal;
use super::{body, drain};
use crate::delivery;
use crate::disposition::{Disposition, Why};
use crate::hooks::{Arrival, Dispatched, LetterKept, Progress, Receiver, TakeContext, Waiting};
use crate::observe::{Report, limited};
use crate::poll;
use crate::signature::{VerifiedText, Verifier};

impl Receiver {
    /// Handles a request up to its disposition or refusal.
    // Not an `async fn`, because that would keep the whole request in its future, and twice.
    pub(super) fn receive<B>(
        self: Arc<Self>,
        request: Request<B>,
        report: Report,
    ) -> impl Future<Output = Result<Disposition, Refusal>> + Send
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.counters.requests.add();
        let arrived = Instant::now();
        let received_at = SystemTime::now();
        let (parts, body) = request.into_parts();
        let post = parts.method == Method::POST;
        let head = Head::new(parts, self.context.is_some(), report);
        async move {
            if !post {
                self.counters.other_methods.add();
                return Err(Refusal::Method);
            }
            let mut now = arrived;
            let text = self.verified(&head, body, &mut now).await?;
            let work = match self.admit_and_dispatch(head, text, received_at, now)? {
                Dispatched::Work(work) => work,
                Dispatched::Settled(disposition) => return Ok(disposition),
            };
            let Waiting {
                task,
                letter_kept,
                span,
            } = match work.begin().await {
                Progress::Done(disposition) => return Ok(disposition),
                Progress::Waiting(waiting) => waiting,
            };
            // Boxed, because most deliveries do not need the memory of its timer.
            match Box::pin(timeout_at(arrived + self.limits.response_deadline, task)).await {
                Ok(Ok(disposition)) => Ok(disposition),
                // The runtime was shut down, or a `Drop` in the handler panicked.
                Ok(Err(_)) => Ok(Disposition::Failed),
                Err(_) => Ok(span.in_scope(|| self.late(letter_kept))),
            }
        }
    }

    /// Reads and verifies the body, and brings the time up to date if that takes some.
    async fn verified<B>(&self, head: &Head, body: B, now: &mut Instant) -> Result<VerifiedText, Refusal>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let headers = &head.headers;
        let Ok(mac) = self.verifier.mac(headers) else {
            drain::unread(body, headers).await;
            return Err(self.unauthorized(&head.report, || Verifier::explain_header(headers)));
        };
        if body::is_too_large(&body, self.limits.body_limit) {
            drain::unread(body, headers).await;
            return Err(self.unreceived(Refusal::TooLarge));
        }
        let body = if body.size_hint().exact().is_some() {
            self.read(pin!(body), now).await
        } else {
            // Boxed, so that the rest of a body that grows too large can be read by a task.
            let mut body = Box::pin(body);
            let read = self.read(body.as_mut(), now).await;
            if let Err(Refusal::TooLarge) = read {
                drain::rest(body).await;
            }
            read
        };
        let body = body.map_err(|refusal| self.unreceived(refusal))?;
        let text = self.verifier.verified_text(&mac, body);
        text.map_err(|body| {
            self.unauthorized(&head.report, || self.verifier.explain(headers, &body).to_string())
        })
    }

    /// Reads the body. Most bodies need no timer.
    async fn read<B>(&self, body: Pin<&mut B>, now: &mut Instant) -> Result<Bytes, Refusal>
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
                read.unwrap_or(Err(Refusal::TooSlow))
            }
        }
    }

    /// Counts and logs a refused signature.
    fn unauthorized(&self, report: &Report, explain: impl Fn() -> String) -> Refusal {
        self.counters.unauthorized.add();
        report.add(|reported| reported.explanation = Some(explain()));
        match self.refusal_log.line() {
            Some(omitted) => tracing::warn!(omitted, "refused: {}", explain()),
            // An explanation costs more than the refusal.
            None => tracing::debug!("refused: no signature matches"),
        }
        Refusal::Unauthorized
    }

    /// Counts and logs a body that was not received.
    fn unreceived(&self, refusal: Refusal) -> Refusal {
        let counter = match &refusal {
            Refusal::TooLarge => &self.counters.too_large,
            Refusal::TooSlow => &self.counters.too_slow,
            Refusal::OverBudget => &self.counters.over_budget,
            Refusal::Incomplete(_) => &self.counters.incomplete,
            Refusal::Method | Refusal::Unauthorized | Refusal::Contradiction => return refusal,
        };
        counter.add();
        limited!(self.refusal_log, warn, "refused: {}", self.reason(&refusal));
        refusal
    }

    /// Explains why a body was not received.
    fn reason(&self, refusal: &Refusal) -> String {
        let limits = &self.limits;
        match refusal {
            Refusal::TooLarge => format!(
                "the body is longer than `body_limit` ({} bytes) or a layer's limit",
                limits.body_limit
            ),
            Refusal::TooSlow => format!(
                "the body did not arrive within `body_deadline` ({:?})",
                limits.body_deadline
            ),
            Refusal::OverBudget => format!(
                "the bodies that are being received take more than `body_budget` ({} bytes), and this one is the \
                 slowest",
                limits.body_budget
            ),
            Refusal::Incomplete(error) => format!("the body ended early: {error}"),
            Refusal::Method | Refusal::Unauthorized | Refusal::Contradiction => String::new(),
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

    /// Takes a permit and finds the handler.
    fn admit_and_dispatch(
        &self,
        head: Head,
        text: VerifiedText,
        received_at: SystemTime,
        now: Instant,
    ) -> Result<Dispatched, Refusal> {
        let permit = match self.admit() {
            Ok(permit) => permit,
            Err(why) => {
                self.dispatch.refused(&text, why);
                return Ok(Dispatched::Settled(Disposition::later(why)));
            }
        };
        let report = head.report.clone();
        let (headers, context) = head.context(self.context.as_deref());
        let arrival = Arrival {
            headers,
            context,
            text,
            received_at,
            now,
            replayed: None,
            permit,
            report,
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
    report: Report,
}

impl Head {
    fn new(mut parts: Parts, keep: bool, report: Report) -> Self {
        Self {
            headers: std::mem::take(&mut parts.headers),
            parts: keep.then(|| Box::new(parts)),
            report,
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
