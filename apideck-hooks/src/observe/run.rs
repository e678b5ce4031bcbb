//! Runs of handlers.

use std::fmt;
use std::time::Duration;

use super::about::About;

/// A run of a handler that begins.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunStarted<'a> {
    /// The event.
    pub about: &'a About,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Maximum number of attempts.
    pub max_attempts: u32,
}

/// A run of a handler that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunEnded<'a> {
    /// The event.
    pub about: &'a About,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// The outcome.
    pub outcome: RunOutcome,
    /// The error of a run that failed.
    pub error: Option<&'a str>,
    /// The time from the start of the handler to the record of its end.
    pub duration: Duration,
}

macro_rules! outcomes {
    ($( $(#[$meta:meta])* $outcome:ident = $name:literal, )*) => {
        /// The outcome of a run.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum RunOutcome {
            $( $(#[$meta])* $outcome, )*
        }

        impl RunOutcome {
            /// All outcomes.
            pub const ALL: &[Self] = &[ $( Self::$outcome, )* ];

            /// Returns a short name for logs and metrics, such as `handled`.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$outcome => $name, )* }
            }
        }
    };
}

outcomes! {
    /// The handler succeeded.
    Handled = "handled",
    /// The handler chose to ignore the event.
    Ignored = "ignored",
    /// The handler failed, and a retry can succeed.
    Failed = "failed",
    /// The handler failed for good.
    DeadLettered = "dead_lettered",
    /// The handler's transaction conflicted with another one and had no effect.
    Conflicted = "conflicted",
    /// A shutdown stopped the handler.
    Stopped = "stopped",
    /// The run had lost its claim, so its end was not recorded.
    ClaimLost = "claim_lost",
    /// The end could not be recorded, so the event may run again.
    Unrecorded = "unrecorded",
    /// The run's task was dropped, for example at the end of the runtime.
    Dropped = "dropped",
}

/// Writes the name.
impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
