//! The missed events: one body each.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use apideck_hooks::Timestamp;
use apideck_hooks::testing::Event;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::entry::LogEntry;
use super::order;
use crate::exit::Trouble;
use crate::screen::Screen;
use crate::text::clean;

const MAX_EVENTS: usize = 100_000;
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Time after a delivery within which Apideck sends an event again, if it does at all. Its longest
/// pause is 12 hours, and it drops an event after 24 hours.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// An event's identity and the URL that it was sent to, as a hash.
type EventHash = [u8; 32];

/// An event that was not delivered.
pub(super) struct MissedEvent {
    /// The latest body, with its envelope.
    pub(super) body: Bytes,
    /// The idempotency key, which is the same in every backfill.
    pub(super) key: String,
    pub(super) id: Option<String>,
    /// The time at which it happened, as the signed body tells.
    occurred: Option<SystemTime>,
    pub(super) first: Option<SystemTime>,
    /// The time of the last delivery that the log has.
    pub(super) last: Option<SystemTime>,
    /// The count of deliveries at the latest body.
    attempt: u64,
    /// The log says that Apideck will send it again.
    retry_scheduled: bool,
    /// The position in the log of the entry that was read first.
    pub(super) position: usize,
}

impl MissedEvent {
    /// Returns the time at which the event happened, or was delivered first.
    pub(super) fn at(&self) -> Option<SystemTime> {
        self.occurred.or(self.first)
    }

    /// Tells if Apideck will send the event again by itself. The log can still say so of an event
    /// whose subscription was disabled, which would then never arrive.
    fn is_retried(&self) -> bool {
        let is_past = |last: SystemTime| last.elapsed().is_ok_and(|passed| passed > LONGEST_WAIT);
        self.retry_scheduled && !self.last.is_some_and(is_past)
    }
}

/// The missed events of the log.
#[derive(Default)]
pub(super) struct Missed {
    events: HashMap<EventHash, MissedEvent>,
    bytes: usize,
    entries: usize,
    endpoints: BTreeSet<String>,
    /// The times of the first and the last entry, in the order of the log.
    ends: Option<(SystemTime, SystemTime)>,
    pub(super) succeeded: usize,
    pub(super) no_event: usize,
    pub(super) unusable: usize,
    pub(super) with_envelope: usize,
    pub(super) without_envelope: usize,
}

impl Missed {
    /// Adds a delivery that failed.
    ///
    /// # Errors
    ///
    /// There are too many events to keep.
    pub(super) fn add(&mut self, entry: LogEntry) -> Result<(), Trouble> {
        self.entries += 1;
        if let Some(last) = entry.last {
            self.ends = Some((self.ends.map_or(last, |(first, _)| first), last));
        }
        let read = match Logged::read(&entry) {
            Ok(read) => read,
            Err(NotUsable::NoEvent) => {
                self.no_event += 1;
                return Ok(());
            }
            Err(NotUsable::NoBody) => {
                self.unusable += 1;
                return Ok(());
            }
        };
        self.went_to(entry.endpoint);
        match read.has_envelope {
            true => self.with_envelope += 1,
            false => self.without_envelope += 1,
        }
        let new = MissedEvent {
            key: key(&read.identity),
            id: read.event.event_id().map(str::to_owned),
            occurred: occurred(&read.event),
            body: read.event.body(),
            first: entry.first,
            last: entry.last,
            attempt: entry.attempt,
            retry_scheduled: entry.retry_scheduled,
            position: self.entries,
        };
        self.bytes += new.body.len();
        match self.events.get_mut(&read.hash) {
            None => {
                self.events.insert(read.hash, new);
            }
            Some(known) => self.bytes -= known.merge(new),
        }
        if self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            return Err(Trouble::not_as_wished(format_args!(
                "the log has more than {MAX_EVENTS} missed events or {} MiB of bodies: choose one with `--event`, or a later `--since`",
                MAX_BYTES / 1024 / 1024
            )));
        }
        Ok(())
    }

    /// Notes the URL of a delivery that failed.
    pub(super) fn went_to(&mut self, endpoint: Option<String>) {
        // Two URLs are enough to refuse, so a log cannot fill this set.
        if let Some(endpoint) = endpoint.filter(|_| self.endpoints.len() < 10) {
            self.endpoints.insert(endpoint);
        }
    }

    /// Takes a delivery that succeeded into account.
    pub(super) fn succeeded(&mut self, entry: &LogEntry) {
        if let Ok(read) = Logged::read(entry)
            && self.events.remove(&read.hash).is_some()
        {
            self.succeeded += 1;
        }
    }

    /// Checks that all deliveries went to one URL, or to the one that was chosen. A success at
    /// another one would not be a success of this receiver.
    pub(super) fn check_endpoints(&self, chosen: bool, screen: &Screen) -> Result<(), Trouble> {
        let urls: Vec<_> = self.endpoints.iter().map(|url| clean(url)).collect();
        let urls = urls.join(", ");
        if !chosen && self.endpoints.len() > 1 {
            return Err(Trouble::wrong_use(format_args!(
                "the log has deliveries to several URLs: add `--endpoint` with one of {urls}"
            )));
        }
        if chosen && self.entries == 0 && !self.endpoints.is_empty() {
            screen.remark(format_args!(
                "no delivery to this URL has failed. Others have, to {urls}"
            ));
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns the number of events that Apideck will send again by itself.
    pub(super) fn retried(&self) -> usize {
        self.events.values().filter(|event| event.is_retried()).count()
    }

    /// Returns the number of events with these ids. Events of several types can share one.
    pub(super) fn skipped(&self, ids: &[String]) -> usize {
        let events = self.events.values().filter(|event| !event.is_retried());
        events.filter(|event| event.is_one_of(ids)).count()
    }

    /// Returns the events to send, the oldest first.
    pub(super) fn in_order(&self, skip: &[String], until: Option<SystemTime>) -> Vec<&MissedEvent> {
        let is_skipped = |event: &MissedEvent| {
            let later = until.is_some_and(|until| event.first.is_some_and(|first| first > until));
            later || event.is_one_of(skip)
        };
        let events = self.events.values();
        let events = events
            .filter(|event| !event.is_retried() && !is_skipped(event))
            .collect();
        let newest_first = self.ends.is_none_or(|(first, last)| first >= last);
        order::oldest_first(events, newest_first)
    }
}

impl MissedEvent {
    fn is_one_of(&self, ids: &[String]) -> bool {
        self.id.as_ref().is_some_and(|id| ids.contains(id))
    }

    /// Takes another delivery of the event into account. Returns the length of the body that is
    /// dropped.
    fn merge(&mut self, other: Self) -> usize {
        let dropped = if (other.attempt, other.last) > (self.attempt, self.last) {
            self.attempt = other.attempt;
            self.retry_scheduled = other.retry_scheduled;
            self.occurred = other.occurred;
            std::mem::replace(&mut self.body, other.body).len()
        } else {
            other.body.len()
        };
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        dropped
    }
}

/// The event of an entry.
struct Logged {
    event: Event,
    has_envelope: bool,
    identity: String,
    hash: EventHash,
}

/// The reason why an entry has no event.
enum NotUsable {
    /// The body is missing or not JSON.
    NoBody,
    /// The body is another one, such as that of a validation.
    NoEvent,
}

impl Logged {
    fn read(entry: &LogEntry) -> Result<Self, NotUsable> {
        let text = entry.body.as_ref().ok_or(NotUsable::NoBody)?;
        let named = |event: &Event| event.event_type().is_some();
        let (event, has_envelope) = match Event::from_json(text.clone()) {
            Ok(event) if named(&event) => (event, true),
            Ok(_) => return Err(NotUsable::NoEvent),
            Err(_) => {
                let event = Event::from_json(format!("{{\"payload\":{text}}}"));
                let event = event.map_err(|_| NotUsable::NoBody)?;
                (event, false)
            }
        };
        if !named(&event) {
            return Err(NotUsable::NoEvent);
        }
        let identity = identity(&event);
        let mut hash = Sha256::new();
        hash.update(entry.endpoint.as_deref().unwrap_or_default());
        hash.update([0]);
        hash.update(&identity);
        Ok(Self {
            event,
            has_envelope,
            identity,
            hash: hash.finalize().into(),
        })
    }
}

/// Returns the signed facts by which a receiver knows an event: type, id and entity, or without an
/// id everything but Apideck's count.
fn identity(event: &Event) -> String {
    let field = |name: &str| event.get(name).unwrap_or(&Value::Null);
    match field("event_id") {
        Value::Null => {
            let payload: Value = serde_json::from_slice(&event.body()).unwrap_or_default();
            let mut payload = payload["payload"].clone();
            if let Some(members) = payload.as_object_mut() {
                members.remove("execution_attempt");
            }
            payload.to_string()
        }
        id => format!("{}\n{id}\n{}", field("event_type"), field("entity_id")),
    }
}

/// Returns an idempotency key that is the same in every backfill. It is a UUID, as Apideck's are in
/// its examples.
fn key(identity: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(identity)[..16]);
    // The version and the variant of a UUID of one's own making (RFC 9562, section 5.8).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let [a, b, c, d, e] = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

fn occurred(event: &Event) -> Option<SystemTime> {
    Timestamp::from(event.get("occurred_at")?.as_str()?).get()
}
