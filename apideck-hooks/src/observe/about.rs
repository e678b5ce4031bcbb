//! The event that something is told about.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::event::EventType;

/// The event that something is told about, as far as it is known.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct About {
    /// The number of the delivery or replay in this process, from 1. An answer and a run with the
    /// same number belong together.
    pub delivery: u64,
    /// The event's type, from the signed body. `None` for a body that is not an event.
    pub event_type: Option<EventType>,
    /// The event's id, from the signed body.
    pub event_id: Option<String>,
    /// The entity's id, from the signed body.
    pub entity_id: Option<String>,
    /// The consumer's id, from the signed body. Only events of connections have it.
    pub consumer_id: Option<String>,
    /// The time of the event, from the signed body.
    pub occurred_at: Option<SystemTime>,
    /// Apideck's count of delivery attempts, from 1, from the signed body.
    pub execution_attempt: Option<u32>,
    /// The header `x-apideck-idempotency-key`. **It is not signed.**
    pub idempotency_key: Option<String>,
    /// The handler's path, as the user wrote it. `None` if the event has no handler.
    pub handler: Option<&'static str>,
    /// `true` for the replay of a dead letter.
    pub replay: bool,
    /// `true` for the run of an accepted event, which has no answer of its own.
    pub worker: bool,
}

impl About {
    /// Returns the number of the next delivery.
    pub(crate) fn next_delivery() -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        // Only the numbers must differ, so no other memory is ordered by it.
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns the event's name for a metric.
    ///
    /// It is a name of this crate's table, `other` for a name that is not in it, or `none` for a
    /// body that is not an event. So the number of names is bounded, whatever a body holds.
    pub fn event_label(about: Option<&Self>) -> &'static str {
        match about.and_then(|about| about.event_type.as_ref()) {
            None => "none",
            Some(event_type) => event_type.listed_name().unwrap_or("other"),
        }
    }
}
