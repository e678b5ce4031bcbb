//! A request that has no answer yet.
//!
//! # How it works
//!
//! Every request makes one, and answers it once. If it is dropped before, the client has left, and
//! that is its answer. So no request is left out of the counts, and none is counted twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use tracing::Span;

use super::about::About;
use super::answered::{AnswerKind, Answered};
use super::incident::IncidentKind;
use super::observers::Observers;
use super::report::Report;
use crate::disposition::Disposition;
use crate::refusal::Refusal;
use crate::signature::Matched;

/// A request that has no answer yet.
pub(crate) struct OpenRequest {
    observers: Arc<Observers>,
    pub(crate) arrived: Instant,
    pub(crate) received_at: SystemTime,
    peer: Option<SocketAddr>,
    bytes: Option<usize>,
    signature: Option<Matched>,
    /// `None` if there is no observer, or the event is not known.
    about: Option<Arc<About>>,
    span: Span,
    pub(crate) report: Report,
    answered: bool,
}

impl OpenRequest {
    pub(crate) fn new(observers: &Arc<Observers>, peer: Option<SocketAddr>, report: Report) -> Self {
        Self {
            observers: Arc::clone(observers),
            arrived: Instant::now(),
            received_at: SystemTime::now(),
            peer,
            bytes: None,
            signature: None,
            about: None,
            span: Span::none(),
            report,
            answered: false,
        }
    }

    /// Notes that the signature matched, and opens the span of the delivery.
    ///
    /// A stranger gets no span, because each can be a line in a log or a record in a trace.
    pub(crate) fn verified(&mut self, signature: Matched, bytes: usize) -> Span {
        self.span = delivery_span();
        self.span.record("form", signature.form.name());
        self.signature = Some(signature);
        self.bytes = Some(bytes);
        self.span.clone()
    }

    /// Notes the event.
    pub(crate) fn about(&mut self, about: Option<Arc<About>>) {
        self.about = about;
    }

    /// Counts and tells an incident of this request.
    pub(crate) fn incident(&self, kind: IncidentKind) {
        self.observers.incident(kind, self.about.as_deref(), None);
    }

    /// Answers with the event's disposition.
    pub(crate) fn dispose(mut self, disposition: Disposition, status: u16) -> AnswerKind {
        let took = || self.arrived.elapsed();
        match disposition {
            Disposition::NoHandler => tracing::info!(status, took = ?took(), "ignored: no handler"),
            Disposition::Later { why: _, after } => {
                tracing::info!(status, took = ?took(), retry_after = ?after, "answered: {disposition}");
            }
            _ => tracing::info!(status, took = ?took(), "answered: {disposition}"),
        }
        self.answer(AnswerKind::Disposition(disposition), Some(status))
    }

    /// Answers with a refusal, for this reason.
    ///
    /// A line in the log costs more than a refusal. So there is at most one of them a second, which
    /// tells how many were omitted, and the others are left to the level `DEBUG`.
    pub(crate) fn refuse(
        mut self,
        refusal: Refusal,
        status: u16,
        reason: impl FnOnce() -> String,
    ) -> AnswerKind {
        let line = match refusal {
            // Probes of a health check are no matter of an operator.
            Refusal::WrongMethod => None,
            Refusal::Contradiction => self.observers.contradictions.line(),
            _ => self.observers.refusals.line(),
        };
        let reason = (line.is_some() || self.report.is_asked_for()).then(reason);
        match (line, &reason) {
            (Some(omitted), Some(reason)) => tracing::warn!(status, omitted, "refused: {reason}"),
            _ => tracing::debug!(status, "refused: {refusal}"),
        }
        self.report.add(|reported| reported.explanation = reason);
        self.answer(AnswerKind::Refused(refusal), Some(status))
    }

    fn answer(&mut self, kind: AnswerKind, status: Option<u16>) -> AnswerKind {
        self.answered = true;
        if let AnswerKind::Disposition(disposition) = kind {
            self.report
                .add(|reported| reported.disposition = Some(disposition));
        }
        self.span.record("outcome", kind.as_str());
        self.span.record("status", status);
        self.observers.answered(kind, || Answered {
            kind,
            status,
            about: self.about.as_deref(),
            signature: self.signature,
            bytes: self.bytes,
            peer: self.peer,
            received_at: self.received_at,
            duration: self.arrived.elapsed(),
        });
        kind
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let span = self.span.clone();
        span.in_scope(|| {
            let took = self.arrived.elapsed();
            match self.observers.abandoned.line() {
                Some(omitted) => {
                    tracing::warn!(omitted, ?took, "the client left before its answer");
                }
                None => tracing::debug!(?took, "the client left before its answer"),
            }
            self.answer(AnswerKind::Refused(Refusal::Abandoned), None);
        });
    }
}

/// Makes the span of a delivery or a replay. Its fields are recorded as they become known.
///
/// Its level is that of an error, because a warning must name its event also in a log that leaves
/// out everything below.
pub(crate) fn delivery_span() -> Span {
    use tracing::field::Empty;
    tracing::error_span!(
        "delivery",
        otel.kind = "server",
        otel.name = Empty,
        event = Empty,
        id = Empty,
        handler = Empty,
        attempt = Empty,
        form = Empty,
        outcome = Empty,
        status = Empty,
    )
}
