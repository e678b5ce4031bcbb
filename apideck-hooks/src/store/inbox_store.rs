//! The inbox of a store: events that are accepted first and run later.
//!
//! # How it works
//!
//! An accepted event is its record. The record keeps the body, waits until it is due, and never
//! expires. A worker fetches due records, each under a claim of its own. From then on the run is
//! one like every other: its claim is renewed and ended by [`Store`](super::Store), and a claim
//! that led to no run is withdrawn there.
//!
//! So there is no second table that could disagree with the records.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::watch;

use super::cursor::Cursor;
use super::dead_letter::DeadLetter;
use super::error::StoreError;
use super::letter_filter::{LetterFilter, is_match};
use super::values::{ClaimId, Grant, Rests};
use crate::delivery::Key;

/// The inbox of a store.
///
/// Only the stores of this crate have one. A store that wraps one of them returns the inner store's
/// inbox from [`Store::inbox`](super::Store::inbox).
///
/// Each operation is atomic, and sees the records of one source only. Times are compared by the
/// store's clock alone.
#[async_trait]
pub trait InboxStore: sealed::Sealed + Send + Sync {
    /// Accepts an event.
    ///
    /// The record is found by its keys as in [`Store::claim`](super::Store::claim), and a record
    /// that is accepted now binds the alias. An absent or `RELEASED` record becomes `WAITING`. It
    /// keeps its rest, and its attempts count from now on.
    #[doc(hidden)]
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError>;

    /// Claims due records, and returns them with their bodies.
    ///
    /// A record can be claimed if it is `WAITING`, due, of an event that [`Fetch::events`] accepts,
    /// and not paused. If [`Fetch::ordered`] is set, it is also the first of its lane, and no
    /// record of its lane is `RUNNING`. The first of a lane is the one with the least time of its
    /// event among those that are `WAITING` or `RUNNING`. The records that are due the longest come
    /// first.
    ///
    /// Each claim counts an attempt, as a granted claim does, and its rest begins now. That rest is
    /// for a run without an end: [`End::Release`](super::End::Release) replaces it.
    ///
    /// If the call fails, records may have been claimed all the same. The next call withdraws these
    /// claims, or their leases end them.
    #[doc(hidden)]
    async fn fetch(&self, fetch: &Fetch) -> Result<Vec<Fetched>, StoreError>;

    /// Ends runs whose leases have ended, whatever their events and pauses.
    ///
    /// A record with this many attempts becomes `DEAD` with an error that says so. Every other one
    /// becomes `WAITING`. A lease or a rest that is longer than its length, because the clock was
    /// set back, is cut to it. Returns how many records were changed. Call it again while that is
    /// not zero.
    #[doc(hidden)]
    async fn recover(&self, source: &str, attempts: u32) -> Result<Recovered, StoreError>;

    /// Reads the facts by which a receiver decides if the inbox is full. They may be estimates.
    ///
    /// The inbox is stalled if an event of this age was never run although it could be fetched,
    /// while no worker has fetched any event for as long.
    #[doc(hidden)]
    async fn backlog(&self, source: &str, stalled_after: Duration) -> Result<Backlog, StoreError>;

    /// Returns the counts and ages of the records that wait or run.
    #[doc(hidden)]
    async fn stats(&self, source: &str) -> Result<InboxStats, StoreError>;

    /// Lists up to `limit` accepted events that match the filter, those accepted last first.
    #[doc(hidden)]
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<WaitingEvent>, StoreError>;

    /// Returns an accepted event that waits or runs, with its body. `None` if the source has no
    /// such event.
    #[doc(hidden)]
    async fn get(&self, source: &str, record: Key) -> Result<Option<WaitingRecord>, StoreError>;

    /// Pauses the events that match a pattern. Returns `false` if they were paused by it before.
    #[doc(hidden)]
    async fn pause(&self, source: &str, pattern: &str) -> Result<bool, StoreError>;

    /// Ends a pause. Returns `false` if there is no such pause.
    ///
    /// The time of the pause does not count towards the time since an event's first run, except
    /// where another pause that still lasts counts it.
    #[doc(hidden)]
    async fn resume(&self, source: &str, pattern: &str) -> Result<bool, StoreError>;

    /// Returns the pauses.
    #[doc(hidden)]
    async fn pauses(&self, source: &str) -> Result<Vec<Pause>, StoreError>;

    /// Returns a number that changes when a fetch can find more: when an event was accepted, a run
    /// has ended or a pause has. It may miss some, because workers also look from time to time.
    #[doc(hidden)]
    fn news(&self) -> watch::Receiver<u64>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The arguments of `InboxStore::accept`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Acceptance {
    /// Key of the event's record.
    pub event: Key,
    /// Delivery key.
    pub alias: Option<Key>,
    /// Key of the events among which only one runs at a time. `None` if the event has no entity.
    pub lane: Option<Key>,
    /// The time of the event in microseconds since the start of 1970, which orders a lane. `None`
    /// stands for the time of the acceptance.
    pub occurred_at: Option<i64>,
    /// The idempotency key of the delivery. It is not signed.
    pub idempotency_key: Option<String>,
    /// The event as its dead letter keeps it, without an error.
    pub kept: DeadLetter,
}

impl Acceptance {
    /// Makes the acceptance of an event without an alias and a lane.
    pub fn new(event: Key, kept: DeadLetter) -> Self {
        Self {
            event,
            alias: None,
            lane: None,
            occurred_at: None,
            idempotency_key: None,
            kept,
        }
    }
}

/// The result of an acceptance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// Key of the record.
    pub record: Key,
    /// The store's decision.
    pub verdict: AcceptVerdict,
}

/// The store's decision on an acceptance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AcceptVerdict {
    /// The event is accepted.
    Yes {
        /// `false` if it was accepted before, and waits or runs.
        new: bool,
    },
    /// The event was handled or ignored before.
    Done,
    /// The event was dead-lettered, and its letter is kept.
    Dead,
    /// A delivery runs the event without having accepted it.
    Running {
        /// Time until the lease of its claim ends, if it is not renewed.
        lease_left: Duration,
    },
}

/// The arguments of `InboxStore::fetch`.
#[derive(Clone)]
#[non_exhaustive]
pub struct Fetch {
    /// The source of the records.
    pub source: String,
    /// The identity of all claims of this fetch.
    pub id: ClaimId,
    /// Maximum number of records.
    pub limit: u32,
    /// Length of the leases.
    pub lease: Duration,
    /// The rests after a run without an end.
    pub rests: Rests,
    /// One record of a lane at a time, in the order of their events.
    pub ordered: bool,
    /// Tells if the workers handle events of this name.
    pub events: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Fetch {
    /// Makes the fetch of one record of these events, with a random id, without an order and
    /// without rests.
    pub fn new(source: impl Into<String>, events: Arc<dyn Fn(&str) -> bool + Send + Sync>) -> Self {
        Self {
            source: source.into(),
            id: ClaimId::random(),
            limit: 1,
            lease: Duration::from_secs(30),
            rests: Rests::NONE,
            ordered: false,
            events,
        }
    }
}

/// A record that a worker has claimed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The claim.
    pub grant: Grant,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// The time since the first run began, without pauses. Zero for the first run.
    pub since_first_run: Duration,
    /// The time of the acceptance, by the store's clock.
    pub accepted_at: SystemTime,
    /// The idempotency key of the delivery. It is not signed.
    pub idempotency_key: Option<String>,
    /// The event as its dead letter keeps it, without an error.
    pub kept: DeadLetter,
}

/// The result of `InboxStore::recover`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// Runs that were put back.
    pub waiting: u64,
    /// Runs whose events were dead-lettered.
    pub dead: u64,
    /// Other records whose lease or rest was cut.
    pub cut: u64,
}

/// The result of `InboxStore::backlog`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// Number of accepted events that wait or run.
    pub waiting: u64,
    /// The store has no room for another dead letter.
    pub letters_full: bool,
    /// Nothing takes events out of the inbox.
    pub stalled: bool,
}

/// The events in an inbox at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct InboxStats {
    /// Number of accepted events that wait for a run.
    pub waiting: u64,
    /// Number of accepted events that a worker runs.
    pub running: u64,
    /// The time since the acceptance of the oldest event that waits.
    pub oldest: Option<Duration>,
    /// The time for which the event that is due the longest could have run. Pauses and lanes do not
    /// count.
    pub oldest_due: Option<Duration>,
    /// The events that wait, by name.
    pub events: Vec<WaitingOfEvent>,
    /// The pauses.
    pub paused: Vec<Pause>,
}

/// The events of one name that wait in an inbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct WaitingOfEvent {
    /// Name of the event. Empty for bodies that are not events.
    pub event_type: String,
    /// Number of the events.
    pub waiting: u64,
    /// The time for which the one that is due the longest could have run. `None` if none is due.
    pub oldest_due: Option<Duration>,
}

/// A pause of accepted events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Pause {
    /// The name of an event, or a prefix with `*` after it.
    pub pattern: String,
    /// The time since the pause began.
    pub since: Duration,
}

impl Pause {
    /// Makes a pause.
    pub fn new(pattern: impl Into<String>, since: Duration) -> Self {
        Self {
            pattern: pattern.into(),
            since,
        }
    }

    /// Tells if a pattern matches the name of an event.
    pub fn is_match(pattern: &str, event_type: &str) -> bool {
        is_match(pattern, event_type)
    }
}

/// An accepted event that waits or runs. `Debug` does not print its body, because there is none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct WaitingEvent {
    /// Key of the record.
    pub record: Key,
    /// Position in the list. Its time is that of the acceptance.
    pub cursor: Cursor,
    /// Name of the event. Empty for a body that is not an event.
    pub event_type: String,
    /// The event's `event_id`. Empty if it has none.
    pub event_id: String,
    /// The event's `entity_id`. Empty if it has none.
    pub entity_id: String,
    /// The event's consumer. Empty if it has none.
    pub consumer_id: String,
    /// Number of attempts.
    pub attempts: u32,
    /// `true` while a worker runs the event.
    pub running: bool,
    /// Time until the event is due. Zero if it is.
    pub due_in: Duration,
}

impl WaitingEvent {
    /// Returns the time of the acceptance, by the store's clock.
    pub fn accepted_at(&self) -> SystemTime {
        self.cursor.time()
    }
}

/// An accepted event that waits or runs, with its body. `Debug` does not print the body.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WaitingRecord {
    /// The event, as lists have it.
    pub event: WaitingEvent,
    /// The idempotency key of the delivery. It is not signed.
    pub idempotency_key: Option<String>,
    /// The event as its dead letter would keep it, without an error.
    pub kept: DeadLetter,
}

/// Prints the limits. The function cannot be printed.
impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("source", &self.source)
            .field("limit", &self.limit)
            .field("ordered", &self.ordered)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_a_name_or_a_prefix() {
        for (pattern, name, matched) in [
            ("*", "crm.lead.created", true),
            ("*", "", true),
            ("crm.*", "crm.lead.created", true),
            ("crm.*", "crmx", false),
            ("crm.lead.created", "crm.lead.created", true),
            ("crm.lead", "crm.lead.created", false),
        ] {
            assert_eq!(Pause::is_match(pattern, name), matched, "{pattern} {name}");
        }
    }
}
