//! The counts of a receiver.
//!
//! Each counter is an atomic of its own with `Relaxed` order, because a count orders no other
//! memory. So a snapshot that is taken meanwhile can show a run without its end.

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
        /// The counts of a receiver since it was built. They only grow.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[non_exhaustive]
        pub struct Stats {
            $( $(#[$meta])* pub $name: u64, )*
        }

        /// The counters behind [`Stats`].
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
    /// Requests, of any kind.
    requests,
    /// Requests refused because their signature is missing or does not match.
    unauthorized,
    /// Requests refused because their method is not `POST`.
    other_methods,
    /// Requests refused because their body is too long.
    too_large,
    /// Requests refused because their body did not arrive in time.
    too_slow,
    /// Requests refused because their body ended early.
    incomplete,
    /// Requests refused because the bodies that were being received took too much memory.
    over_budget,
    /// Deliveries whose signed body is not an event although a header names one.
    unnamed,
    /// Deliveries refused because a header names another event than the signed body.
    contradictions,
    /// Runs of handlers that were started.
    runs,
    /// Runs that handled their event.
    handled,
    /// Events without a handler, and runs that ignored their event.
    ignored,
    /// Runs that failed and can be retried.
    failed,
    /// Events that were dead-lettered.
    dead_lettered,
    /// Runs that panicked. Each also counts as failed or dead-lettered.
    panics,
    /// Runs that reached the handler's time limit. Each also counts as failed or dead-lettered.
    timeouts,
    /// Duplicates answered from the record, or with the outcome of the running delivery.
    duplicates,
    /// Duplicates whose wait ended before the run did.
    busy,
    /// Deliveries refused because the event rests after a failed run.
    resting,
    /// Deliveries that could be the event's last one and were refused before the store was asked,
    /// because too many deliveries were in flight, the receiver was shutting down or the store
    /// failed.
    last_refused,
    /// Dead letters for which the store had no room. Each delivery was answered `503`.
    letters_full,
    /// Deliveries refused because too many deliveries or transactions were in flight.
    overloaded,
    /// Deliveries answered `503` at the response deadline while their handler went on.
    late,
    /// Deliveries that were recognised by their delivery key, because their `event_id` is another.
    recognised_by_header,
    /// Idempotency keys that were treated as absent, because they are not 1 to 255 visible ASCII
    /// characters, or came twice.
    idempotency_key_unusable,
    /// Claims that led to no run and were withdrawn.
    withdrawn,
    /// Runs that a shutdown stopped.
    interrupted,
    /// Dead letters that were purged.
    purged,
    /// Runs that lost their claim to another delivery.
    lost,
    /// Calls to the store that failed or took too long.
    store_errors,
    /// Claims refused because the store was full of running events.
    store_full,
    /// Runs without a claim, which `fail_open` allows.
    failed_open,
    /// Runs whose end could not be recorded.
    unrecorded,
}
