//! Calls to the store.

use std::time::Duration;

macro_rules! names {
    ($( $(#[$of:meta])* $type:ident { $( $(#[$meta:meta])* $variant:ident = $name:literal, )* } )*) => { $(
        $(#[$of])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum $type {
            $( $(#[$meta])* $variant, )*
        }

        impl $type {
            /// All values.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// Returns a short name for logs and metrics.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    )* };
}

names! {
    /// An operation of the store.
    StoreOperation {
        /// Claims an event.
        Claim = "claim",
        /// Renews a claim.
        Renew = "renew",
        /// Records the end of a run.
        Finish = "finish",
        /// Reads the status of an event.
        Status = "status",
        /// Claims a dead letter.
        Replay = "replay",
        /// Accepts an event into the inbox.
        Accept = "accept",
        /// Puts an event into an inbox of the user's own.
        Put = "put",
        /// Claims accepted events that are due.
        Fetch = "fetch",
        /// Begins a transaction.
        Begin = "begin",
        /// Commits a transaction.
        Commit = "commit",
    }

    /// The result of a call to the store.
    StoreResult {
        /// The store answered.
        Ok = "ok",
        /// The store failed.
        Failed = "failed",
        /// The store did not answer in time.
        TimedOut = "timed_out",
    }
}

/// A call to the store that has ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoreCall {
    /// The operation.
    pub operation: StoreOperation,
    /// The result.
    pub result: StoreResult,
    /// The time that it took.
    pub duration: Duration,
}
