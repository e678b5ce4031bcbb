//! `apideck-hooks dead-letters`: those of a receiver, over its console.

use apideck_hooks::EventType;
use clap::{Args, Subcommand};
use http::Uri;
use serde_json::{Value, json};

use crate::console_api::ConsoleApi;
use crate::exit::{Exit, Trouble};
use crate::screen::Screen;
use crate::text::{clean, count, is_obeyed, parse_time, time};
use crate::url::{confirm, parse_url};

/// Most letters of a page, and most that one command changes.
const MOST: u64 = 1000;
const PAGE: u64 = 100;

/// List, show, replay and purge the dead letters of a receiver, over its console
#[derive(Args)]
pub(crate) struct DeadLettersArguments {
    #[command(subcommand)]
    task: LetterTask,
}

#[derive(Subcommand)]
enum LetterTask {
    /// List dead letters, the newest first
    List {
        #[command(flatten)]
        console: ConsoleArguments,
        #[command(flatten)]
        filter: FilterArguments,
        /// Most letters to list
        #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=100_000))]
        at_most: u64,
    },
    /// Print a dead letter with its body
    Show {
        /// The letter, as `list` names it
        record: String,
        #[command(flatten)]
        console: ConsoleArguments,
    },
    /// Run the handlers of dead letters again
    Replay(ChangeArguments),
    /// Delete dead letters. Their events count as done
    Purge(ChangeArguments),
}

#[derive(Args)]
struct ConsoleArguments {
    /// URL of the receiver's console. Its token is in APIDECK_HOOKS_CONSOLE_TOKEN
    #[arg(long = "console", value_name = "URL", value_parser = parse_url)]
    url: Uri,
}

#[derive(Args)]
struct FilterArguments {
    /// Only this event
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only letters that are dead since this time or later, such as 2026-11-29T10:00:00Z or 36h
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only letters that are dead since before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Args)]
struct ChangeArguments {
    /// The letters, as `list` names them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    records: Vec<String>,
    /// All letters that match the filter, the oldest first
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: FilterArguments,
    /// Most letters to change with --all
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    at_most: u64,
    /// Count the letters that --all would change, and change none
    #[arg(long)]
    dry_run: bool,
    /// Change also a receiver outside of private networks
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    console: ConsoleArguments,
}

pub(crate) async fn run(arguments: DeadLettersArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    match arguments.task {
        LetterTask::List {
            console,
            filter,
            at_most,
        } => list(&ConsoleApi::new(&console.url).await?, &filter, at_most, screen).await,
        LetterTask::Show { record, console } => {
            show(&ConsoleApi::new(&console.url).await?, &record, screen).await
        }
        LetterTask::Replay(change) => apply("replay", &change, screen).await,
        LetterTask::Purge(change) => apply("purge", &change, screen).await,
    }
}

impl FilterArguments {
    fn pairs(&self) -> Result<Vec<(&'static str, String)>, Trouble> {
        let mut pairs = Vec::new();
        if let Some(event) = &self.event {
            if !EventType::from(event.as_str()).is_listed() && !event.contains('.') {
                return Err(Trouble::wrong_use(format_args!(
                    "`{event}` is not the name of an event"
                )));
            }
            pairs.push(("event", event.clone()));
        }
        for (name, text) in [("since", &self.since), ("until", &self.until)] {
            if let Some(text) = text {
                let at = parse_time(text);
                let at = at.map_err(|error| Trouble::wrong_use(format_args!("`{text}`: {error}")))?;
                pairs.push((name, time(at)));
            }
        }
        Ok(pairs)
    }
}

async fn list(
    console: &ConsoleApi,
    filter: &FilterArguments,
    at_most: u64,
    screen: &mut Screen,
) -> Result<Exit, Trouble> {
    let filter = filter.pairs()?;
    let (mut after, mut listed, mut total) = (None::<String>, 0, None);
    while listed < at_most {
        let mut pairs = filter.clone();
        pairs.push(("limit", PAGE.min(at_most - listed).to_string()));
        pairs.extend(after.clone().map(|after| ("after", after)));
        let mut page = console.get("dead-letters", &pairs).await?;
        total = page["count"].as_u64().or(total);
        let Value::Array(letters) = page["letters"].take() else {
            return Err(Trouble::not_as_wished(
                "the console's answer has no list `letters`",
            ));
        };
        listed += letters.len() as u64;
        for letter in &letters {
            print(screen, letter);
        }
        let next = page["next"].as_str().map(str::to_owned);
        // A page that is empty or names itself would be asked for again for ever.
        if next.is_none() || next == after || letters.is_empty() {
            break;
        }
        after = next;
    }
    let total = total.unwrap_or(listed);
    screen.remark(match total {
        0 => "no dead letters".to_owned(),
        _ => format!(
            "{listed} of {}",
            count(usize::try_from(total).unwrap_or(usize::MAX), "dead letter")
        ),
    });
    Ok(Exit::AsWished)
}

fn print(screen: &mut Screen, letter: &Value) {
    screen.result(letter.clone(), |paint| {
        let record = text(letter, "record");
        let event = paint.strong(text(letter, "event_type"));
        let consumer = paint.faint(text(letter, "consumer_id"));
        let attempts = count(letter["attempts"].as_u64().unwrap_or(0) as usize, "attempt");
        let error = paint.bad(text(letter, "error"));
        format!(
            "{record}  {}  {event} {}  {consumer}  {attempts}: {error}",
            text(letter, "since"),
            text(letter, "event_id")
        )
    });
}

async fn show(console: &ConsoleApi, record: &str, screen: &mut Screen) -> Result<Exit, Trouble> {
    let letter = console
        .get(&format!("dead-letters/{}", segment(record)?), &[])
        .await?;
    let body = letter["body"]
        .as_str()
        .map_or_else(|| letter["body"].to_string(), str::to_owned);
    // The facts of a letter are beside its body, or in an object of their own.
    let facts = if letter["letter"].is_object() {
        &letter["letter"]
    } else {
        &letter
    };
    screen.result(letter.clone(), |paint| {
        let fact = |name: &str| {
            format!(
                "{} {}\n",
                paint.faint(format_args!("{name:<12}")),
                text(facts, name)
            )
        };
        let names = [
            "record",
            "event_type",
            "event_id",
            "entity_id",
            "consumer_id",
            "error",
            "attempts",
            "since",
        ];
        let facts: String = names.into_iter().map(fact).collect();
        // The body as it is, because it is to be looked at, but for what a terminal obeys.
        let body: String = body
            .chars()
            .filter(|letter| *letter == '\n' || !is_obeyed(*letter))
            .collect();
        format!("{facts}{body}")
    });
    if matches!(letter["hidden"].as_str(), Some("values" | "all")) {
        screen.remark("note: the console hides credentials of this body");
    }
    Ok(Exit::AsWished)
}

async fn apply(verb: &str, change: &ChangeArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    // Not left to the parser: an option of `--all` that is ignored beside a record would be a trap.
    if !change.all && (change.dry_run || !change.filter.pairs()?.is_empty()) {
        return Err(Trouble::wrong_use(
            "a filter and `--dry-run` go with `--all`, not with a record",
        ));
    }
    if !change.dry_run {
        confirm(&change.console.url, change.yes).await?;
    }
    let console = ConsoleApi::new(&change.console.url).await?;
    let mut failed = 0;
    if change.all {
        let mut body = json!({"at_most": change.at_most, "dry_run": change.dry_run});
        for (name, value) in change.filter.pairs()? {
            body[name] = value.into();
        }
        let answer = console.post(&format!("dead-letters/{verb}"), &body).await?;
        let results = answer["results"].as_array().cloned().unwrap_or_default();
        let number = answer["count"]
            .as_u64()
            .map_or(results.len(), |count| count as usize);
        if change.dry_run {
            screen.result(json!({"dry_run": true, "count": number}), |_| {
                format!("would {verb} {}", count(number, "dead letter"))
            });
            return Ok(Exit::AsWished);
        }
        for result in &results {
            failed += usize::from(!tell(screen, verb, &text(result, "record"), result));
        }
        screen.remark(format!(
            "{verb}: {}, {failed} failed",
            count(number, "dead letter")
        ));
        return match answer["error"].as_str() {
            Some(error) => Err(Trouble::not_as_wished(format_args!("stopped: {}", clean(error)))),
            None => Ok(Exit::as_wished_if(failed == 0)),
        };
    }
    for record in &change.records {
        let path = format!("dead-letters/{}/{verb}", segment(record)?);
        let answer = console.post(&path, &json!({})).await?;
        failed += usize::from(!tell(screen, verb, record, &answer));
    }
    Ok(Exit::as_wished_if(failed == 0))
}

/// Prints the result for a letter. Returns `true` if the letter is gone.
fn tell(screen: &mut Screen, verb: &str, record: &str, result: &Value) -> bool {
    let purged = result["purged"].as_bool();
    let disposition = match (result["disposition"].as_str(), purged) {
        (Some(disposition), _) => clean(disposition),
        (None, Some(false)) => "not_found".to_owned(),
        (None, _) => "purged".to_owned(),
    };
    let gone = matches!(disposition.as_str(), "handled" | "ignored" | "purged");
    let error = result["error"].as_str().map(clean);
    let object = json!({"record": record, "task": verb, "disposition": disposition, "error": error});
    screen.result(object, |paint| {
        let error = error
            .as_deref()
            .map_or(String::new(), |error| format!(": {error}"));
        let disposition = if gone {
            paint.good(&disposition)
        } else {
            paint.bad(&disposition)
        };
        format!("{record}  {disposition}{error}")
    });
    gone
}

fn text(object: &Value, name: &str) -> String {
    match &object[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

/// Checks a record that becomes a part of a path.
fn segment(record: &str) -> Result<&str, Trouble> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
    match !record.is_empty() && record.chars().all(plain) && record.chars().any(|letter| letter != '.') {
        true => Ok(record),
        false => Err(Trouble::wrong_use(format_args!(
            "`{record}` is not a record: `list` names them"
        ))),
    }
}
