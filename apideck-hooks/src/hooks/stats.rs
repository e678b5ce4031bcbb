//! Counts of what happened.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! stats {
    ($( $(#[$meta:meta])* $name:ident, )*) => {
        /// What happened since the receiver was built: counts that only grow.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[non_exhaustive]
        pub struct Stats {
            $( $(#[$meta])* pub $name: u64, )*
        }

        #[derive(Default)]
        pub(crate) struct Counters {
            $( pub(crate) $name: Counter, )*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $( $name: self.$name.get(), )* }
            }
        }
    };
}

stats! {
    /// Requests of any kind.
    requests,
    /// Refused for a missing or wrong signature.
    unauthorized,
    /// Refused because a header names another event than the signed body.
    contradictions,
    /// Handlers started.
    runs,
    /// Runs that handled their event.
    handled,
    /// Events that no handler is for, and runs that ignored theirs.
    ignored,
    /// Runs that failed and may be tried again.
    failed,
    /// Events set aside for good.
    dead,
    /// Runs that panicked; they are among the failed.
    panics,
    /// Runs that were stopped at the handler's time limit; they are among the failed.
    timeouts,
    /// Deliveries answered from a record or from another delivery of the same event.
    duplicates,
    /// Deliveries of an event that was still running when the wait was over.
    busy,
    /// Deliveries turned away because too many were at work.
    overloaded,
    /// Deliveries answered `503` at the response deadline while their handler went on.
    late,
    /// Idempotency keys that came with another event than before.
    idempotency_key_reused,
    /// Idempotency keys that are not 1 to 255 visible ASCII characters, or came twice: treated as absent.
    idempotency_key_unusable,
    /// Claims that were taken over by another delivery while they ran.
    lost,
    /// Calls to the store that failed or took too long.
    store_errors,
    /// Claims that the store had no room for.
    store_full,
    /// Runs without a claim, as `fail_open` says.
    failed_open,
    /// Runs whose end could not be recorded.
    unrecorded,
}
