//! A delivery as the console lists it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::observe::{About, Answered, RunEnded, RunStarted};
use crate::payload::Timestamp;

/// Maximum length of an id or a name in bytes. A longer one is cut.
const ID: usize = 256;
/// Maximum length of an error in bytes. A longer one is cut.
const ERROR: usize = 1024;

/// A delivery, a refused request, a replay, or a worker's run.
#[derive(Clone, Serialize)]
pub(super) struct SeenDelivery {
    /// Grows with each row.
    pub(super) number: u64,
    #[serde(serialize_with = "rfc_3339")]
    pub(super) received_at: SystemTime,
    pub(super) outcome: &'static str,
    status: Option<u16>,
    replay: bool,
    worker: bool,
    pub(super) event_type: Option<String>,
    event_id: Option<String>,
    entity_id: Option<String>,
    consumer_id: Option<String>,
    handler: Option<&'static str>,
    execution_attempt: Option<u32>,
    idempotency_key: Option<String>,
    pub(super) run: Option<SeenRun>,
    milliseconds: f64,
    form: Option<&'static str>,
    encoding: Option<&'static str>,
    secret: Option<usize>,
    bytes: Option<usize>,
    peer: Option<SocketAddr>,
}

/// The last run of a delivery.
#[derive(Clone, Serialize)]
pub(super) struct SeenRun {
    attempt: u32,
    max_attempts: u32,
    /// `None` while it runs.
    pub(super) outcome: Option<&'static str>,
    error: Option<String>,
    milliseconds: Option<f64>,
}

impl SeenDelivery {
    pub(super) fn answered(answered: &Answered<'_>, run: Option<SeenRun>) -> Self {
        let signature = answered.signature;
        Self {
            outcome: answered.kind.as_str(),
            status: answered.status,
            run,
            milliseconds: milliseconds(answered.duration),
            form: signature.map(|signature| signature.form.name()),
            encoding: signature.map(|signature| signature.encoding.name()),
            secret: signature.map(|signature| signature.secret),
            bytes: answered.bytes,
            peer: answered.peer,
            ..Self::of(answered.about, answered.received_at)
        }
    }

    /// A replay, or a worker's run.
    pub(super) fn unanswered(run: &RunEnded<'_>, ended: SeenRun) -> Self {
        let began = SystemTime::now().checked_sub(run.duration);
        Self {
            outcome: run.outcome.as_str(),
            replay: run.about.replay,
            worker: run.about.worker,
            run: Some(ended),
            milliseconds: milliseconds(run.duration),
            ..Self::of(Some(run.about), began.unwrap_or(SystemTime::UNIX_EPOCH))
        }
    }

    /// A row without an outcome.
    fn of(about: Option<&About>, received_at: SystemTime) -> Self {
        let id = |id: fn(&About) -> &Option<String>| {
            let id = about.and_then(|about| id(about).as_deref());
            id.map(|id| cut(id, ID))
        };
        let event_type = about.and_then(|about| about.event_type.as_ref());
        Self {
            number: 0,
            received_at,
            outcome: "",
            status: None,
            replay: false,
            worker: false,
            event_type: event_type.map(|event_type| cut(event_type.as_str(), ID)),
            event_id: id(|about| &about.event_id),
            entity_id: id(|about| &about.entity_id),
            consumer_id: id(|about| &about.consumer_id),
            handler: about.and_then(|about| about.handler),
            execution_attempt: about.and_then(|about| about.execution_attempt),
            idempotency_key: id(|about| &about.idempotency_key),
            run: None,
            milliseconds: 0.0,
            form: None,
            encoding: None,
            secret: None,
            bytes: None,
            peer: None,
        }
    }

    /// Tells if the signature matched, or had matched before a replay or a worker's run.
    pub(super) fn is_verified(&self) -> bool {
        self.form.is_some() || self.replay || self.worker
    }

    /// Tells if a field that people search for contains the text, which is in lower case.
    pub(super) fn contains(&self, text: &str) -> bool {
        let error = self.run.as_ref().and_then(|run| run.error.as_deref());
        let fields = [
            self.event_type.as_deref(),
            self.event_id.as_deref(),
            self.entity_id.as_deref(),
            self.consumer_id.as_deref(),
            self.idempotency_key.as_deref(),
            self.handler,
            error,
        ];
        let peer = self.peer.map(|peer| peer.to_string());
        let mut fields = fields.into_iter().flatten().chain(peer.as_deref());
        fields.any(|field| field.to_lowercase().contains(text))
    }
}

impl SeenRun {
    pub(super) fn started(run: &RunStarted<'_>) -> Self {
        Self {
            attempt: run.attempt,
            max_attempts: run.max_attempts,
            outcome: None,
            error: None,
            milliseconds: None,
        }
    }

    pub(super) fn ended(run: &RunEnded<'_>) -> Self {
        Self {
            attempt: run.attempt,
            max_attempts: run.max_attempts,
            outcome: Some(run.outcome.as_str()),
            error: run.error.map(|error| cut(error, ERROR)),
            milliseconds: Some(milliseconds(run.duration)),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Copies a text, and cuts it at a length. An ellipsis shows the cut.
fn cut(text: &str, longest: usize) -> String {
    match text.len() > longest {
        true => format!("{}…", &text[..text.floor_char_boundary(longest)]),
        false => text.to_owned(),
    }
}

/// Serialises a time as RFC 3339.
fn rfc_3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(Timestamp::from(*time).as_str())
}
