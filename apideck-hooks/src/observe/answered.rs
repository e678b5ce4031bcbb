//! The answer to a request.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::about::About;
use crate::disposition::Disposition;
use crate::refusal::Refusal;
use crate::signature::Matched;

/// The kind of an answer: a disposition of the event, or a refusal of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AnswerKind {
    /// The event's disposition.
    Disposition(Disposition),
    /// The request was refused before its handler was looked for.
    Refused(Refusal),
}

impl AnswerKind {
    /// Returns the name of the disposition or refusal, such as `handled` or `unauthorized`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disposition(disposition) => disposition.as_str(),
            Self::Refused(refusal) => refusal.as_str(),
        }
    }
}

/// Writes the name.
impl fmt::Display for AnswerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A request that got its answer. Told once for every request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered<'a> {
    /// The kind of the answer.
    pub kind: AnswerKind,
    /// The HTTP status. `None` if the client left before.
    pub status: Option<u16>,
    /// The event. `None` if the signature did not match.
    pub about: Option<&'a About>,
    /// The form, encoding and secret of the signature. `None` if it did not match.
    pub signature: Option<Matched>,
    /// Length of the body in bytes. `None` if the signature did not match.
    pub bytes: Option<usize>,
    /// The client's address, if the server put a [`SocketAddr`] into the request's extensions.
    /// `Hooks::serve` does.
    pub peer: Option<SocketAddr>,
    /// The time at which the request's head was complete.
    pub received_at: SystemTime,
    /// The time from then to the answer.
    pub duration: Duration,
}
