//! Incidents: what can happen beside answers and runs.

use std::fmt;

use super::about::About;

macro_rules! incidents {
    ($( $(#[$meta:meta])* $kind:ident = $name:literal, )*) => {
        /// The kind of an [`Incident`].
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum IncidentKind {
            $( $(#[$meta])* $kind, )*
        }

        impl IncidentKind {
            /// All kinds.
            pub const ALL: &[Self] = &[ $( Self::$kind, )* ];

            /// Returns the name of the count in [`Stats`](crate::Stats), such as `store_errors`.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$kind => $name, )* }
            }
        }
    };
}

incidents! {
    /// An event was dead-lettered.
    DeadLettered = "dead_letters",
    /// A dead letter was purged.
    Purged = "purged",
    /// A handler panicked.
    Panicked = "panics",
    /// A handler reached its time limit.
    TimedOut = "timeouts",
    /// A handler blocked its thread for longer than the lease.
    Blocked = "blocked",
    /// A delivery was answered `503` at the response deadline, and its handler went on.
    Late = "late",
    /// A run lost its claim to another delivery, or its record was deleted meanwhile.
    ClaimLost = "claims_lost",
    /// A claim that led to no run was withdrawn.
    Withdrawn = "withdrawn",
    /// A call to the store failed or took too long.
    StoreFailed = "store_errors",
    /// Records were evicted from a full store before their retention was over. Their events run
    /// again if they come again.
    Evicted = "evicted",
    /// Expired records were deleted whose last run had no end, and whose events did not come again.
    SweptUnfinished = "swept_unfinished",
    /// A claim was refused, because the store was full of running events.
    StoreFull = "store_full",
    /// The end of a run could not be recorded.
    Unrecorded = "unrecorded",
    /// A handler ran without a claim, which `fail_open` allows.
    FailedOpen = "failed_open",
    /// A delivery that could be its event's last one was refused before the store was asked.
    LastRefused = "last_refused",
    /// A delivery was recognised by its delivery key, because its `event_id` is another.
    RecognisedByHeader = "recognised_by_header",
    /// An idempotency key was treated as absent, because it is not 1 to 255 visible ASCII
    /// characters, or came twice.
    IdempotencyKeyUnusable = "idempotency_key_unusable",
    /// A signed body is not an event, and a header names one.
    Unnamed = "unnamed",
    /// An observer panicked.
    ObserverPanicked = "observer_panics",
    /// A run of a worker had no end when its lease ended, and was put back.
    Recovered = "recovered",
    /// The inbox became full, or nothing took events out of it.
    InboxClosed = "inbox_closed",
    /// Accepted events of a name have waited for ten minutes, and these workers have no handler for
    /// them.
    Unfetched = "unfetched",
}

/// Writes the name.
impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that happened beside an answer or a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Incident<'a> {
    /// The kind.
    pub kind: IncidentKind,
    /// The event. `None` if the incident has none, or it is not known.
    pub about: Option<&'a About>,
    /// The error, where there is one.
    pub error: Option<&'a str>,
    /// How many of them: 1, or the number of records.
    pub count: u64,
}
