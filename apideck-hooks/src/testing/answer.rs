//! The answer to a delivery, and the assertions on it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::disposition::{Disposition, Why};
use crate::observe::Reported;

/// The answer to one delivery.
///
/// The status, the headers and the body are those of the response. In process the answer also tells
/// what the receiver did. Over a socket, and if the request did not reach a receiver, these are
/// `None`.
///
/// An assertion that fails prints all of it. It returns the answer, so assertions can follow each
/// other.
#[derive(Clone)]
#[must_use = "an answer proves nothing until something is asserted on it"]
pub struct Answer {
    pub(super) sent: SentRequest,
    pub(super) response: Result<Response, String>,
    pub(super) reported: Reported,
}

/// The request that was sent, as far as an assertion prints it.
#[derive(Clone, Debug)]
pub(super) struct SentRequest {
    pub(super) event: String,
    pub(super) path: String,
    /// The request is signed with the secret of the `Apideck`.
    pub(super) genuine: bool,
}

/// A response that has arrived whole.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Returns the HTTP status. `None` if there was no response in time, or if the service failed.
    pub fn status(&self) -> Option<u16> {
        self.response
            .as_ref()
            .ok()
            .map(|response| response.status.as_u16())
    }

    /// Returns a header's value. `None` if the header is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.as_ref().ok()?.headers.get(name)?.to_str().ok()
    }

    /// Returns the body. Empty if there was no response.
    pub fn body(&self) -> &[u8] {
        self.response.as_ref().map_or(&[], |response| &response.body[..])
    }

    /// Returns the body's `status`, which is a word of the receiver such as `handled`. `None` if it
    /// has none.
    pub fn word(&self) -> Option<String> {
        self.json()?.get("status")?.as_str().map(str::to_owned)
    }

    /// Returns the body as JSON. `None` if it is not JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.body()).ok()
    }

    /// Returns the seconds of `Retry-After`.
    pub fn retry_after(&self) -> Option<u32> {
        self.header("retry-after")?.parse().ok()
    }

    /// Returns the disposition. `None` if the receiver refused the request, or over a socket.
    pub fn disposition(&self) -> Option<Disposition> {
        self.reported.disposition
    }

    /// Returns the path of the event's handler, as it is in `router![…]`. `None` if the event has
    /// none, or over a socket.
    pub fn handler(&self) -> Option<&str> {
        self.reported.handler
    }

    /// Returns the number of the attempt that this delivery has begun. `None` if it began none, as
    /// a duplicate, or over a socket.
    pub fn attempt(&self) -> Option<u32> {
        self.reported.attempt
    }

    /// Returns the text of the handler's error. `None` without one, or over a socket.
    pub fn error(&self) -> Option<&str> {
        self.reported.error.as_deref()
    }

    /// Returns the reason why there was no response.
    pub fn failure(&self) -> Option<&str> {
        self.response.as_ref().err().map(String::as_str)
    }

    /// Tells if the status is `2xx`, so that Apideck does not send the event again.
    pub fn is_acknowledged(&self) -> bool {
        self.response
            .as_ref()
            .is_ok_and(|response| response.status.is_success())
    }

    /// Asserts that the status is `2xx`, so that Apideck does not send the event again.
    ///
    /// # Panics
    ///
    /// It is not.
    #[track_caller]
    pub fn assert_acknowledged(&self) -> &Self {
        self.assert(self.is_acknowledged(), "an acknowledgement (2xx)")
    }

    /// Asserts that the handler succeeded.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub fn assert_handled(&self) -> &Self {
        self.assert(self.is_word("handled"), "handled")
    }

    /// Asserts that the inbox keeps the event, and a worker runs its handler.
    ///
    /// # Panics
    ///
    /// It does not.
    #[track_caller]
    pub fn assert_accepted(&self) -> &Self {
        self.assert(self.is_word("accepted"), "accepted")
    }

    /// Asserts that the event was known and its handler did not run.
    ///
    /// # Panics
    ///
    /// It was not.
    #[track_caller]
    pub fn assert_duplicate(&self) -> &Self {
        self.assert(self.is_word("duplicate"), "a duplicate")
    }

    /// Asserts that the event has no handler, or that its handler ignored it.
    ///
    /// # Panics
    ///
    /// It was not ignored.
    #[track_caller]
    pub fn assert_ignored(&self) -> &Self {
        self.assert(self.is_word("ignored"), "ignored")
    }

    /// Asserts that the event failed for good, and that the store keeps it as a dead letter.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub fn assert_dead_lettered(&self) -> &Self {
        self.assert(self.is_word("dead_lettered"), "dead-lettered")
    }

    /// Asserts that the handler failed, and that Apideck's next retry can succeed. Over a socket it
    /// asserts the status `500`.
    ///
    /// # Panics
    ///
    /// It did not fail, or it failed for good.
    #[track_caller]
    pub fn assert_failed(&self) -> &Self {
        let failed = match self.disposition() {
            Some(Disposition::Failed | Disposition::Later { why: Why::Asked, .. }) => true,
            Some(_) => false,
            None => self.status() == Some(500),
        };
        self.assert(failed, "a failure of the handler that a retry can resolve")
    }

    /// Asserts that the receiver asked for a later delivery: `503` with `Retry-After`. The event
    /// rests, is still running, or could not be accepted.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub fn assert_later(&self) -> &Self {
        let later = self.status() == Some(503) && self.retry_after().is_some();
        self.assert(later, "a request for a later delivery (503 with Retry-After)")
    }

    /// Asserts that the request was refused before its event was accepted: a status of `4xx`, and
    /// in process no disposition.
    ///
    /// # Panics
    ///
    /// It was not.
    #[track_caller]
    pub fn assert_refused(&self) -> &Self {
        let refused = self.status().is_some_and(|status| (400..500).contains(&status));
        self.assert(refused && self.disposition().is_none(), "a refusal (4xx)")
    }

    /// Asserts the status.
    ///
    /// # Panics
    ///
    /// It is another one, or there was no response.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        self.assert(self.status() == Some(status), status)
    }

    /// Asserts a part of the text of the handler's error.
    ///
    /// # Panics
    ///
    /// There is no error with this text, or the delivery went over a socket.
    #[track_caller]
    pub fn assert_error(&self, text: &str) -> &Self {
        let has = self.error().is_some_and(|error| error.contains(text));
        self.assert(has, format_args!("an error with {text:?}"))
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_acknowledged() && self.word().as_deref() == Some(word)
    }

    #[track_caller]
    fn assert(&self, holds: bool, expected: impl fmt::Display) -> &Self {
        assert!(holds, "expected {expected}\n{self}");
        self
    }

    /// Tells the likely cause of a status that does not come from a receiver, or of a refusal.
    fn advice(&self) -> Option<String> {
        let path = &self.sent.path;
        match self.status()? {
            404 => Some(format!("nothing is mounted at `{path}`: set the path with `Apideck::path`")),
            405 => Some(format!("`{path}` takes no POST: set the path with `Apideck::path`")),
            401 if self.sent.genuine && self.reported.explanation.is_none() => Some(
                "the request was signed with the secret of this `Apideck`: the receiver has another secret, or \
                 something between has changed the body"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            write!(f, "\n  {name:<12} {value}")
        };
        write!(f, "  {:<12} {}", "sent", self.sent.event)?;
        match &self.response {
            Ok(response) => {
                let body = String::from_utf8_lossy(&response.body);
                line(
                    f,
                    "response",
                    &format_args!("{} {body}", response.status.as_u16()),
                )?;
            }
            Err(failure) => line(f, "no response", failure)?,
        }
        let reported = &self.reported;
        if let Some(disposition) = &reported.disposition {
            line(f, "disposition", disposition)?;
        }
        if let Some(handler) = &reported.handler {
            line(f, "handler", handler)?;
        }
        if let Some(attempt) = &reported.attempt {
            line(f, "attempt", attempt)?;
        }
        if let Some(error) = &reported.error {
            line(f, "error", error)?;
        }
        if let Some(explanation) = &reported.explanation {
            line(f, "explanation", explanation)?;
        }
        match self.advice() {
            Some(advice) => line(f, "advice", &advice),
            None => Ok(()),
        }
    }
}

/// Prints the same as `Display`, for `assert!` and `dbg!`.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
