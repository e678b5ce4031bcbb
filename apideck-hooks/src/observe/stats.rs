//! Totals of a receiver.

use std::sync::atomic::{AtomicU64, Ordering};

/// A total, which only grows.
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
        /// Totals since the receiver was built. They only grow.
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
    /// Started runs of handlers.
    runs,
    /// Runs that handled their event.
    handled,
    /// Events without a handler, and runs that ignored their event.
    ignored,
    /// Runs that failed and can be retried.
    failed,
    /// Events that were dead-lettered.
    dead_lettered,
    /// Runs that panicked. They also count as failed or dead-lettered.
    panics,
    /// Runs that reached the handler's time limit. They also count as failed or dead-lettered.
    timeouts,
    /// Deliveries answered from a record or with the outcome of another delivery of the same event.
    duplicates,
    /// Duplicates whose wait ended before the run did.
    busy,
    /// Deliveries refused because too many were in flight.
    overloaded,
    /// Deliveries answered `503` at the response deadline while their handler went on.
    late,
    /// Idempotency keys that came with another event before.
    idempotency_key_reused,
    /// Idempotency keys that were treated as absent, because they are not 1 to 255 visible ASCII characters or came
    /// twice.
    idempotency_key_unusable,
    /// FirstHandlers that another delivery took over during their run.
    lost,
    /// Calls to the store that failed or took too long.
    store_errors,
    /// FirstHandlers refused because the store was full of running events.
    store_full,
    /// Runs without a claim, which `fail_open` allows.
    failed_open,
    /// Runs whose end could not be recorded.
    unrecorded,
}
