//! The outcome of one delivery of an event, without HTTP.

use std::time::Duration;

/// The outcome of one delivery of a verified event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Disposition {
    /// The handler succeeded, and the store recorded it.
    Handled,
    /// The handler chose to ignore the event.
    Ignored,
    /// The router has no handler for the event.
    NoHandler,
    /// An earlier delivery settled the event.
    Duplicate,
    /// The event failed for good, and the store keeps it.
    DeadLettered,
    /// The event failed for good, and the store keeps no dead letters.
    Unprocessable,
    /// The handler failed, and a retry can succeed.
    Failed,
    /// A later delivery can succeed.
    Later {
        /// The reason.
        why: Why,
        /// The time to wait, before HTTP rounds it.
        after: Duration,
    },
}

/// The reason for [`Disposition::Later`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// The handler asked for it.
    Asked,
    /// The event's handler is running.
    Running,
    /// Too many deliveries are in flight.
    Busy,
    /// The receiver is shutting down.
    ShuttingDown,
    /// The store failed or did not answer in time.
    Store,
}

impl Disposition {
    /// The time to wait where nothing better is known.
    pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(10);

    /// A refusal for now, for the usual time.
    pub(crate) fn later(why: Why) -> Self {
        Self::later_in(why, Self::USUAL_WAIT)
    }

    /// A refusal for now, for this time.
    pub(crate) fn later_in(why: Why, after: Duration) -> Self {
        Self::Later { why, after }
    }
}
