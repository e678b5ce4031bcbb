//! The outcome of one delivery of an event, without HTTP.

use std::fmt;
use std::time::Duration;

/// The outcome of one delivery of a verified event, or of a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Disposition {
    /// The handler succeeded. The store has recorded it, unless the event is counted as
    /// `unrecorded` or `failed_open`.
    Handled,
    /// The handler chose to ignore the event.
    Ignored,
    /// The router has no handler for the event.
    NoHandler,
    /// An earlier delivery settled the event, or a dead letter of it is kept.
    Duplicate,
    /// The inbox keeps the event, and a worker runs its handler.
    Accepted,
    /// The event failed permanently, and the store keeps it as a dead letter.
    DeadLettered,
    /// The event failed permanently, and the store keeps no dead letters.
    Unprocessable,
    /// The handler failed, and a retry can succeed.
    Failed,
    /// A later delivery can succeed.
    Later {
        /// The reason.
        why: Why,
        /// The wait before the next delivery. The response rounds it to seconds.
        after: Duration,
    },
}

/// The reason for [`Disposition::Later`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Why {
    /// The handler asked for a later delivery, or the workers' policy for a later run.
    Asked,
    /// The event rests, because its last run failed a short time ago.
    Resting,
    /// The event's handler is still running.
    Running,
    /// Too many deliveries are in flight.
    Busy,
    /// The store has no room for another dead letter.
    LettersFull,
    /// The inbox has no room for another event, or nothing takes events out of it.
    InboxFull,
    /// The receiver is shutting down.
    ShuttingDown,
    /// The store failed or did not answer in time.
    Store,
    /// The handler's transaction conflicted with others.
    Conflict,
}

impl Disposition {
    /// The wait for a reason that has no time of its own.
    pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(10);

    /// Asks for another delivery after the usual wait.
    pub(crate) fn later(why: Why) -> Self {
        Self::later_in(why, Self::USUAL_WAIT)
    }

    /// Asks for another delivery after this wait.
    pub(crate) fn later_in(why: Why, after: Duration) -> Self {
        Self::Later { why, after }
    }

    /// Returns a short name for logs and metrics, such as `handled` or `store_failed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::Ignored => "ignored",
            Self::NoHandler => "no_handler",
            Self::Duplicate => "duplicate",
            Self::Accepted => "accepted",
            Self::DeadLettered => "dead_lettered",
            Self::Unprocessable => "unprocessable",
            Self::Failed => "failed",
            Self::Later { why, .. } => match why {
                Why::Asked => "asked_for_later",
                Why::Resting => "resting",
                Why::Running => "running",
                Why::Busy => "busy",
                Why::LettersFull => "letters_full",
                Why::InboxFull => "inbox_full",
                Why::ShuttingDown => "shutting_down",
                Why::Store => "store_failed",
                Why::Conflict => "conflict",
            },
        }
    }
}

/// Writes the name.
impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
