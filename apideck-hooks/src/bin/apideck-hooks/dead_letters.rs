//! `apideck-hooks dead-letters`: those of a receiver, over its console.

use apideck_hooks::store::Key;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::console_api::{ConsoleApi, ListOf};
use crate::console_arguments::{ConsoleArguments, FilterArguments};
use crate::exit::{Exit, Trouble};
use crate::screen::Screen;
use crate::text::{clean, count, is_obeyed, member};
use crate::url::confirm;

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
        record: Key,
        #[command(flatten)]
        console: ConsoleArguments,
    },
    /// Run the handlers of dead letters again
    Replay(ChangeArguments),
    /// Delete dead letters. Their events count as done
    Purge(ChangeArguments),
}

#[derive(Args)]
pub(crate) struct ChangeArguments {
    /// The letters, as `list` names them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    records: Vec<Key>,
    /// All letters that match the filter, or the newest of them. The oldest one is changed first
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
        } => list(&console.api().await?, &filter, at_most, screen).await,
        LetterTask::Show { record, console } => show(&console.api().await?, record, screen).await,
        LetterTask::Replay(change) => apply("replay", &change, screen).await,
        LetterTask::Purge(change) => apply("purge", &change, screen).await,
    }
}

async fn list(
    console: &ConsoleApi,
    filter: &FilterArguments,
    at_most: u64,
    screen: &mut Screen,
) -> Result<Exit, Trouble> {
    let filter = filter.pairs(screen);
    let letters = ListOf {
        path: "dead-letters",
        member: "letters",
        cursor: "after",
        page: PAGE,
    };
    let (listed, total) = console
        .list(&letters, &filter, at_most, |letter| print(screen, letter))
        .await?;
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
        let record = member(letter, "record");
        let event = paint.strong(member(letter, "event_type"));
        let consumer = paint.faint(member(letter, "consumer_id"));
        let attempts = count(letter["attempts"].as_u64().unwrap_or(0) as usize, "attempt");
        let error = paint.bad(member(letter, "error"));
        format!(
            "{record}  {}  {event} {}  {consumer}  {attempts}: {error}",
            member(letter, "since"),
            member(letter, "event_id")
        )
    });
}

async fn show(console: &ConsoleApi, record: Key, screen: &mut Screen) -> Result<Exit, Trouble> {
    let letter = console.get(&format!("dead-letters/{record}"), &[]).await?;
    screen.result(letter.clone(), |paint| {
        let fact = |name: &str| {
            format!(
                "{} {}\n",
                paint.faint(format_args!("{name:<12}")),
                member(&letter, name)
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
            "running",
            "since",
            "source",
            "context",
        ];
        let facts: String = names.into_iter().map(fact).collect();
        // The body as it is, because it is to be looked at, but for what a terminal obeys.
        let body = letter["body"].as_str().unwrap_or_default().chars();
        let body: String = body
            .filter(|letter| *letter == '\n' || !is_obeyed(*letter))
            .collect();
        format!("{facts}{body}")
    });
    match letter["hidden"].as_str() {
        Some("nothing") => {}
        Some("values") => screen.remark("note: the console hides the values below `settings` and `metadata`"),
        _ => screen.remark("note: the console hides this body, because it is not JSON"),
    }
    Ok(Exit::AsWished)
}

/// Replays or purges.
pub(crate) async fn apply(
    verb: &str,
    change: &ChangeArguments,
    screen: &mut Screen,
) -> Result<Exit, Trouble> {
    // Not left to the parser: an option of `--all` that is ignored beside a record would be a trap.
    if !change.all && (change.dry_run || change.filter.is_given()) {
        return Err(Trouble::wrong_use(
            "a filter and `--dry-run` go with `--all`, not with a record",
        ));
    }
    if !change.dry_run {
        confirm(&change.console.url, change.yes).await?;
    }
    let console = change.console.api().await?;
    if change.all {
        return apply_to_all(verb, change, &console, screen).await;
    }
    let mut failed = 0;
    for record in &change.records {
        let path = format!("dead-letters/{record}/{verb}");
        let answer = console.post(&path, &json!({})).await?;
        failed += usize::from(!tell(screen, verb, &record.to_string(), &answer));
    }
    Ok(Exit::as_wished_if(failed == 0))
}

async fn apply_to_all(
    verb: &str,
    change: &ChangeArguments,
    console: &ConsoleApi,
    screen: &mut Screen,
) -> Result<Exit, Trouble> {
    let mut body = json!({"at_most": change.at_most, "dry_run": change.dry_run});
    for (name, value) in change.filter.pairs(screen) {
        body[name] = value.into();
    }
    let answer = console.post(&format!("dead-letters/{verb}"), &body).await?;
    let stopped = answer["error"]
        .as_str()
        .map(|error| Trouble::not_as_wished(format_args!("stopped: {}", clean(error))));
    let Some(results) = answer["results"].as_array() else {
        let malformed = || Trouble::not_as_wished("the console's answer has no list `results`");
        return Err(stopped.unwrap_or_else(malformed));
    };
    let letters = count(results.len(), "dead letter");
    if change.dry_run {
        screen.result(json!({"dry_run": true, "count": results.len()}), |_| {
            format!("would {verb} {letters}")
        });
        return Ok(Exit::AsWished);
    }
    let mut failed = 0;
    for result in results {
        failed += usize::from(!tell(screen, verb, &member(result, "record"), result));
    }
    screen.remark(format!("{verb}: {letters}, {failed} failed"));
    match stopped {
        Some(stopped) => Err(stopped),
        None => Ok(Exit::as_wished_if(failed == 0)),
    }
}

/// Prints the result for a letter. Returns `true` if the letter is gone.
fn tell(screen: &mut Screen, verb: &str, record: &str, result: &Value) -> bool {
    let disposition = match (result["disposition"].as_str(), result["purged"].as_bool()) {
        (Some(disposition), _) => clean(disposition),
        (None, Some(true)) => "purged".to_owned(),
        (None, Some(false)) => "unknown".to_owned(),
        // A purge during a run is refused with an error alone.
        (None, None) => "busy".to_owned(),
    };
    let gone = matches!(disposition.as_str(), "handled" | "ignored" | "purged");
    let object =
        json!({"record": record, "task": verb, "disposition": disposition, "error": result["error"]});
    screen.result(object, |paint| {
        let error = result["error"].as_str();
        let error = error.map_or(String::new(), |error| format!(": {}", clean(error)));
        let disposition = if gone {
            paint.good(&disposition)
        } else {
            paint.bad(&disposition)
        };
        format!("{record}  {disposition}{error}")
    });
    gone
}
