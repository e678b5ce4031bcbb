//! Reading accepted events, and changing them. Each change is a line in the log.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{One, logged, read};
use super::letters::{Wish, asked, with_body};
use super::problem::Problem;
use super::query::Query;
use crate::hooks::{AcceptedEvents, Hooks, PATTERN, is_pattern};
use crate::payload::Timestamp;
use crate::store::{Key, WaitingEvent};

/// Number of events in a response, unless the request names another one.
const USUAL: u32 = 100;
/// Maximum number of events in a response, as in a page of the stores.
const MOST: u32 = 1000;

/// Returns the accepted events, if the store has an inbox.
fn inbox(hooks: &Hooks) -> Result<AcceptedEvents<'_>, Problem> {
    match hooks.receiver.store.inbox() {
        Some(_) => Ok(hooks.inbox()),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "the store of this receiver has no inbox",
        )),
    }
}

/// `GET api/inbox`
pub(super) async fn stats(hooks: &Hooks) -> Result<Value, Problem> {
    let stats = asked(hooks, inbox(hooks)?.stats()).await?;
    let events = stats.events.iter().map(|of| {
        json!({
            "event_type": of.event_type,
            "waiting": of.waiting,
            "oldest_due_seconds": of.oldest_due.map(|due| due.as_secs()),
        })
    });
    let paused = stats.paused.iter().map(|pause| {
        json!({ "pattern": pause.pattern, "since_seconds": pause.since.as_secs() })
    });
    Ok(json!({
        "waiting": stats.waiting,
        "running": stats.running,
        "oldest_seconds": stats.oldest.map(|oldest| oldest.as_secs()),
        "oldest_due_seconds": stats.oldest_due.map(|due| due.as_secs()),
        "events": events.collect::<Value>(),
        "paused": paused.collect::<Value>(),
    }))
}

/// `GET api/inbox/events`
pub(super) async fn list(hooks: &Hooks, query: Option<&str>) -> Result<Value, Problem> {
    let query = Query::read(query, &["event", "since", "until", "before", "limit"])?;
    let limit = query.limit(USUAL, MOST)?;
    let before = query.parsed("before")?;
    let filter = Wish::of(&query).filter()?;
    let events = asked(hooks, inbox(hooks)?.list(&filter, before, limit)).await?;
    let next = events.last().map(|last| last.cursor);
    let events: Value = events.iter().map(row).collect();
    Ok(json!({ "events": events, "next": next }))
}

/// `GET api/inbox/events/{record}`
pub(super) async fn show(hooks: &Hooks, record: Key, credentials: bool) -> Result<Value, Problem> {
    let Some(found) = asked(hooks, inbox(hooks)?.get(record)).await? else {
        return Err(no_event());
    };
    let mut facts = row(&found.event);
    facts["idempotency_key"] = json!(found.idempotency_key);
    Ok(with_body(facts, &found.kept, credentials))
}

fn no_event() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no such event waits or runs: it is done, or a dead letter",
    )
}

/// The facts of an event, without its body.
fn row(event: &WaitingEvent) -> Value {
    json!({
        "record": event.record,
        "event_type": event.event_type,
        "event_id": event.event_id,
        "entity_id": event.entity_id,
        "consumer_id": event.consumer_id,
        "attempts": event.attempts,
        "running": event.running,
        "due_in_seconds": event.due_in.as_secs_f64().ceil() as u64,
        "accepted_at": Timestamp::from(event.accepted_at()).as_str(),
    })
}

/// The body of a pause or a resume.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPattern {
    pattern: String,
}

/// `POST api/inbox/pause` and `POST api/inbox/resume`
pub(super) async fn set_paused(
    hooks: &Hooks,
    paused: bool,
    operator: &str,
    body: &[u8],
) -> Result<Value, Problem> {
    let OfPattern { pattern } = read(body)?;
    inbox(hooks)?;
    if !is_pattern(&pattern) {
        return Err(Problem::bad_request(format!("`pattern` is malformed: {PATTERN}")));
    }
    let (action, subject) = (if paused { "pause" } else { "resume" }, pattern.clone());
    let hooks = hooks.clone();
    let change = async move {
        let inbox = inbox(&hooks)?;
        match paused {
            true => asked(&hooks, inbox.pause(&pattern)).await,
            false => asked(&hooks, inbox.resume(&pattern)).await,
        }
    };
    let changed = logged(change, action, subject, operator.to_owned()).await?;
    Ok(json!({ "changed": changed }))
}

/// `POST api/inbox/events/{record}/end-rest`
pub(super) async fn end_rest(
    hooks: &Hooks,
    record: Key,
    operator: &str,
    body: &[u8],
) -> Result<Value, Problem> {
    read::<One>(body)?;
    inbox(hooks)?;
    let (action, subject) = ("end-rest", record.to_string());
    let hooks = hooks.clone();
    let change = async move {
        // A record of another source, or one that an inline delivery runs, is not changed here.
        match asked(&hooks, inbox(&hooks)?.get(record)).await? {
            Some(_) => asked(&hooks, hooks.end_rest(record)).await,
            None => Err(no_event()),
        }
    };
    let ended = logged(change, action, subject, operator.to_owned()).await?;
    Ok(json!({ "ended": ended }))
}
