//! The state of a receiver at one moment.

use serde::Serialize;

use super::stats::Stats;

/// The state of a receiver at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The counts since the receiver was built.
    pub stats: Stats,
    /// Number of deliveries and replays whose handlers run.
    pub in_flight: u64,
    /// Number of accepted events whose handlers run in this receiver's workers.
    pub working: u64,
    /// Number of duplicates that wait for the outcome of a running handler.
    pub waiting: u64,
    /// Number of dead letters of the receiver's source. `None` if the store keeps none, or did not
    /// answer.
    pub dead_letters: Option<u64>,
    /// Number of accepted events that wait or run. `None` if the store has no inbox, or did not
    /// answer.
    pub inbox_waiting: Option<u64>,
    /// The time since the acceptance of the oldest event that waits, in seconds. `None` if none
    /// waits.
    pub inbox_oldest_seconds: Option<u64>,
    /// The time for which the event that is due the longest could have run, in seconds, whether it
    /// is paused or behind another event of its entity. `None` if none is due.
    pub inbox_due_seconds: Option<u64>,
    /// Number of pauses of accepted events. `None` as for `inbox_waiting`.
    pub inbox_pauses: Option<u64>,
    /// As [`Hooks::is_ready`](crate::Hooks::is_ready).
    pub ready: bool,
}
