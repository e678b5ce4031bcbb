//! Changes of dead letters, and the parts that changes of an inbox share. Each is a line in the
//! log.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::letters::{self, Wish};
use super::problem::Problem;
use crate::hooks::{Hooks, Replayed};
use crate::store::{Key, Purged};

/// Maximum length of the body of a change in bytes.
pub(super) const BODY: usize = 4096;
/// Time within which the body of a change must arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Number of letters of one change, unless the request names another one.
const USUAL: u32 = 100;
/// Maximum number of letters of one change.
const MOST: u32 = 1000;

/// The kind of a change.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Change {
    Replay,
    Purge,
}

impl Change {
    /// Reads the last part of a path.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "replay" => Some(Self::Replay),
            "purge" => Some(Self::Purge),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Purge => "purge",
        }
    }
}

/// The body of a change of all letters that match. A misspelt filter would match everything, so
/// other names are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct All {
    event: Option<String>,
    since: Option<String>,
    until: Option<String>,
    at_most: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

/// The body of a change of one letter or event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {}

/// Reads the body of a change.
pub(super) async fn receive<B>(body: B) -> Result<Vec<u8>, Problem>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let body = Box::pin(Limited::new(body, BODY).collect());
    match timeout(BODY_TIME, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Problem::bad_request("the body ended early")),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
    }
}

pub(super) fn too_long() -> Problem {
    let error = format!("the body is longer than {BODY} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

/// `POST api/dead-letters/{record}/replay` and `…/purge`
pub(super) async fn one(
    hooks: &Hooks,
    record: Key,
    change: Change,
    operator: &str,
    body: &[u8],
) -> Result<Value, Problem> {
    read::<One>(body)?;
    letters::letters(hooks)?;
    let result = apply(hooks.clone(), record, change, operator.to_owned()).await?;
    match change {
        Change::Replay => Ok(json!({ "disposition": result.disposition, "error": result.error })),
        Change::Purge if result.disposition == BUSY => Err(Problem::new(
            StatusCode::CONFLICT,
            "a handler is running for the event: nothing was purged",
        )),
        Change::Purge => Ok(json!({ "purged": result.disposition == PURGED })),
    }
}

/// `POST api/dead-letters/replay` and `…/purge`
///
/// The newest letters that match are changed, the oldest of them first. If the store fails, the
/// letters that were changed before are told beside the error. A client that leaves ends the change
/// after the current letter.
pub(super) async fn all(
    hooks: &Hooks,
    change: Change,
    operator: &str,
    body: &[u8],
) -> Result<(StatusCode, Value), Problem> {
    let all = read::<All>(body)?;
    let at_most = all.at_most.unwrap_or(USUAL);
    if at_most > MOST {
        return Err(Problem::bad_request(format!("`at_most` is at most {MOST}")));
    }
    let wish = Wish {
        event: all.event,
        since: all.since,
        until: all.until,
    };
    // As a script sends it whose variable is not set. It would match every letter.
    if [&wish.event, &wish.since, &wish.until].contains(&&Some(String::new())) {
        return Err(Problem::bad_request(
            "a filter is empty: leave it out to match every letter",
        ));
    }
    let filter = wish.filter()?;
    let (mut records, _) = letters::collect(hooks, &filter, None, at_most, |dead| dead.record).await?;
    records.reverse();
    let mut results = Vec::with_capacity(records.len());
    let mut failed = None;
    for record in &records {
        if all.dry_run {
            results.push(json!({ "record": record, "disposition": null, "error": null }));
            continue;
        }
        match apply(hooks.clone(), *record, change, operator.to_owned()).await {
            Ok(result) => results.push(json!({
                "record": record,
                "disposition": result.disposition,
                "error": result.error,
            })),
            Err(problem) => {
                failed = Some(problem);
                break;
            }
        }
    }
    let mut answer = json!({ "dry_run": all.dry_run, "count": results.len(), "results": results });
    let status = match failed {
        None => StatusCode::OK,
        Some(problem) => {
            answer["error"] = Value::from(problem.error);
            problem.status
        }
    };
    Ok((status, answer))
}

/// Reads an object. A struct would also be read from an array, which could match every letter.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::bad_request("the body of a change is an object"));
    }
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body is not a change: {error}")))
}

const PURGED: &str = "purged";
const BUSY: &str = "busy";

/// The outcome of one change.
struct Changed {
    disposition: &'static str,
    error: Option<String>,
}

/// Changes one letter, in a task of its own, so that it is logged also if the client leaves.
async fn apply(hooks: Hooks, record: Key, change: Change, operator: String) -> Result<Changed, Problem> {
    let task = tokio::spawn(async move {
        let action = change.name();
        let result = changed(&hooks, record, change).await;
        match &result {
            // The operator's name is a stranger's text, so it is logged with escapes.
            Ok(Changed { disposition, .. }) => {
                tracing::warn!(%record, action, disposition, ?operator, "a dead letter was changed by the console");
            }
            Err(problem) => {
                let error = &*problem.error;
                tracing::warn!(%record, action, error, ?operator, "a change by the console failed");
            }
        }
        result
    });
    task.await.unwrap_or_else(|_| Err(stopped()))
}

fn stopped() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the process is shutting down")
}

/// Makes a change of the inbox, in a task of its own, so that it is logged also if the client
/// leaves. `subject` is the record or the pattern.
pub(super) async fn logged(
    change: impl Future<Output = Result<bool, Problem>> + Send + 'static,
    action: &'static str,
    subject: String,
    operator: String,
) -> Result<bool, Problem> {
    let task = tokio::spawn(async move {
        let result = change.await;
        match &result {
            Ok(changed) => {
                tracing::warn!(
                    subject,
                    action,
                    changed,
                    ?operator,
                    "the inbox was changed by the console"
                );
            }
            Err(problem) => {
                let error = &*problem.error;
                tracing::warn!(
                    subject,
                    action,
                    error,
                    ?operator,
                    "a change by the console failed"
                );
            }
        }
        result
    });
    task.await.unwrap_or_else(|_| Err(stopped()))
}

async fn changed(hooks: &Hooks, record: Key, change: Change) -> Result<Changed, Problem> {
    let letters = letters::letters(hooks)?;
    match change {
        Change::Replay => {
            let replayed = letters.replay(record).await;
            let Replayed { disposition, error } = replayed.map_err(|error| Problem::store(&error))?;
            Ok(Changed {
                disposition: disposition.as_str(),
                error,
            })
        }
        Change::Purge => {
            let purged = letters::asked(hooks, letters.purge(record)).await?;
            Ok(Changed {
                disposition: match purged {
                    Purged::Yes => PURGED,
                    Purged::Busy => BUSY,
                    Purged::Unknown => "unknown",
                },
                error: None,
            })
        }
    }
}
