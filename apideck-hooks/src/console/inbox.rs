//! Reading accepted events, and changing them. Each change is a line in the log.

use std::cmp::Reverse;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{One, logged, read};
use super::letters::{Wish, asked, with_body};
use super::problem::Problem;
use super::query::Query;
use crate::hooks::{AcceptedEvents, Hooks, PATTERN, is_pattern};
use crate::payload::Timestamp;
use crate::store::{Key, Pause, WaitingEvent};

/// Number of events in a response, unless the request names another one.
const USUAL: u32 = 100;
/// Maximum number of events in a response, as in a page of the stores.
const MOST: u32 = 1000;
/// Maximum number of names of events in the counts. Those that wait most come first.
const NAMES: usize = 1000;

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
    let mut stats = asked(hooks, inbox(hooks)?.stats()).await?;
    stats.events.sort_by_key(|of| Reverse(of.waiting));
    let events = stats.events.iter().take(NAMES).map(|of| {
        json!({
            "event_type": of.event_type,
            "waiting": of.waiting,
            "oldest_due_seconds": of.oldest_due.map(|due| due.as_secs()),
            "paused": is_paused(&stats.paused, &of.event_type),
        })
    });
    let paused = stats
        .paused
        .iter()
        .map(|pause| json!({ "pattern": pause.pattern, "since_seconds": pause.since.as_secs() }));
    Ok(json!({
        "waiting": stats.waiting,
        "running": stats.running,
        "oldest_seconds": stats.oldest.map(|oldest| oldest.as_secs()),
        "oldest_due_seconds": stats.oldest_due.map(|due| due.as_secs()),
        "events": events.collect::<Value>(),
        "paused": paused.collect::<Value>(),
    }))
}

fn is_paused(pauses: &[Pause], event_type: &str) -> bool {
    pauses
        .iter()
        .any(|pause| Pause::is_match(&pause.pattern, event_type))
}

/// `GET api/inbox/events`
pub(super) async fn list(hooks: &Hooks, query: Option<&str>) -> Result<Value, Problem> {
    let query = Query::read(query, &["event", "since", "until", "before", "limit"])?;
    let limit = query.limit(USUAL, MOST)?;
    let before = query.parsed("before")?;
    let filter = Wish::of(&query).filter()?;
    let pauses = asked(hooks, inbox(hooks)?.pauses()).await?;
    let events = asked(hooks, inbox(hooks)?.list(&filter, before, limit)).await?;
    // A page of these stores is short only at the end of the list.
    let is_last = events.len() < limit as usize;
    let next = events.last().map(|last| last.cursor).filter(|_| !is_last);
    let events: Value = events.iter().map(|event| row(event, &pauses)).collect();
    Ok(json!({ "events": events, "next": next }))
}

/// `GET api/inbox/events/{record}`
pub(super) async fn show(hooks: &Hooks, record: Key, credentials: bool) -> Result<Value, Problem> {
    let Some(found) = asked(hooks, inbox(hooks)?.get(record)).await? else {
        return Err(no_event());
    };
    let pauses = asked(hooks, inbox(hooks)?.pauses()).await?;
    let mut facts = row(&found.event, &pauses);
    facts["idempotency_key"] = json!(found.idempotency_key);
    facts["source"] = json!(found.kept.source);
    facts["body_bytes"] = json!(found.kept.body.len());
    Ok(with_body(facts, &found.kept, credentials))
}

fn no_event() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no such event waits or runs: it is done, or a dead letter",
    )
}

/// The facts of an event, without its body.
fn row(event: &WaitingEvent, pauses: &[Pause]) -> Value {
    json!({
        "record": event.record,
        "event_type": event.event_type,
        "event_id": event.event_id,
        "entity_id": event.entity_id,
        "consumer_id": event.consumer_id,
        "attempts": event.attempts,
        "running": event.running,
        "paused": is_paused(pauses, &event.event_type),
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
    let changed = logged(change, action, subject, operator.to_owned()).await?;
    Ok(json!({ "changed": changed }))
}
