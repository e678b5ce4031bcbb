//! Reading dead letters, and the parts that reading an inbox shares.

use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::blank::{BLANK, blanked};
use super::problem::Problem;
use super::query::Query;
use crate::hooks::{DeadLetters, Hooks};
use crate::payload::Timestamp;
use crate::store::{Cursor, DeadLetter, DeadRecord, Key, LetterFilter, StoreError};

/// Number of letters that are read at once. Each comes with its body, which can be long.
const PAGE: u32 = 20;
/// Number of letters in a response, unless the request names another one.
const USUAL: u32 = 50;
/// Maximum number of letters in a response.
const MOST: u32 = 200;

/// A choice of letters, as requests name it.
pub(super) struct Wish {
    pub(super) event: Option<String>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

impl Wish {
    pub(super) fn of(query: &Query) -> Self {
        let text = |name| query.text(name).map(str::to_owned);
        Self {
            event: text("event"),
            since: text("since"),
            until: text("until"),
        }
    }

    /// Makes the filter.
    pub(super) fn filter(self) -> Result<LetterFilter, Problem> {
        let mut filter = LetterFilter::new();
        if let Some(event) = self.event.filter(|event| !event.is_empty()) {
            // It would match nothing, or only odd names.
            if event.trim_end_matches('*').contains('*') || event.ends_with("**") {
                return Err(Problem::bad_request("`event` has no `*` but one at its end"));
            }
            filter = filter.event_type(event);
        }
        filter.since = time("since", self.since)?;
        filter.until = time("until", self.until)?;
        Ok(filter)
    }
}

fn time(name: &str, text: Option<String>) -> Result<Option<SystemTime>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match Timestamp::from(text.as_str()).get() {
        Some(time) => Ok(Some(time)),
        None => Err(Problem::bad_request(format!(
            "`{name}` is not a time, such as 2026-01-31T12:00:00Z"
        ))),
    }
}

/// Returns the dead letters, if the store keeps them.
pub(super) fn letters(hooks: &Hooks) -> Result<DeadLetters<'_>, Problem> {
    hooks.dead_letters().ok_or_else(Problem::no_letters)
}

/// Reads the key of a record.
pub(super) fn record(text: &str) -> Result<Key, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request("a record is 32 hexadecimal digits"))
}

/// Waits for the store, as a delivery does.
pub(super) async fn asked<T>(
    hooks: &Hooks,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Problem> {
    match timeout(hooks.receiver.limits.store_timeout, call).await {
        Ok(answer) => answer.map_err(|error| Problem::store(&error)),
        Err(_) => Err(Problem::store(&StoreError::new("it did not answer in time"))),
    }
}

/// Collects up to `most` letters that match, newest first, as `keep` keeps them.
///
/// The bodies of a page are dropped before the next page is read.
pub(super) async fn collect<T>(
    hooks: &Hooks,
    filter: &LetterFilter,
    mut after: Option<Cursor>,
    most: u32,
    keep: impl Fn(&DeadRecord) -> T,
) -> Result<(Vec<T>, Option<Cursor>), Problem> {
    let letters = letters(hooks)?;
    let mut kept = Vec::new();
    while let left @ 1.. = most.saturating_sub(kept.len() as u32) {
        let page = asked(hooks, letters.list(filter, after, left.min(PAGE))).await?;
        let Some(last) = page.last() else {
            return Ok((kept, None));
        };
        after = Some(last.cursor);
        kept.extend(page.iter().map(&keep));
    }
    Ok((kept, after))
}

/// `GET api/dead-letters`
pub(super) async fn list(hooks: &Hooks, query: Option<&str>) -> Result<Value, Problem> {
    let query = Query::read(query, &["event", "since", "until", "after", "limit"])?;
    let limit = query.limit(USUAL, MOST)?;
    let after = query.parsed("after")?;
    let filter = Wish::of(&query).filter()?;
    let count = asked(hooks, letters(hooks)?.count(&filter)).await?;
    let (letters, next) = collect(hooks, &filter, after, limit, row).await?;
    Ok(json!({ "letters": letters, "next": next, "count": count }))
}

/// `GET api/dead-letters/{record}`
pub(super) async fn show(hooks: &Hooks, record: Key, credentials: bool) -> Result<Value, Problem> {
    let Some(dead) = asked(hooks, letters(hooks)?.get(record)).await? else {
        return Err(Problem::new(
            http::StatusCode::NOT_FOUND,
            "there is no such dead letter",
        ));
    };
    Ok(with_body(row(&dead), &dead.letter, credentials))
}

/// Adds the context and the body to the facts of an event.
pub(super) fn with_body(mut facts: Value, kept: &DeadLetter, credentials: bool) -> Value {
    let body = &kept.body;
    let (body, hidden) = match credentials {
        true => (String::from_utf8_lossy(body).into_owned(), "nothing"),
        false => match blanked(body) {
            Some(body) => (body, "values"),
            None => (BLANK.trim_matches('"').to_owned(), "all"),
        },
    };
    facts["context"] = json!(kept.context);
    facts["body"] = Value::from(body);
    facts["hidden"] = Value::from(hidden);
    facts
}

/// The facts of a letter, without its body.
fn row(dead: &DeadRecord) -> Value {
    let letter = &dead.letter;
    json!({
        "record": dead.record,
        "event_type": letter.event_type,
        "event_id": letter.event_id,
        "entity_id": letter.entity_id,
        "consumer_id": letter.consumer_id,
        "error": letter.error,
        "attempts": dead.attempts,
        "running": dead.running,
        "since": Timestamp::from(dead.since()).as_str(),
        "source": letter.source,
        "body_bytes": letter.body.len(),
    })
}
