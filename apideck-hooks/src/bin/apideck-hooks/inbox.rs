//! `apideck-hooks inbox`: the accepted events of a receiver, over its console.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::console_api::{ConsoleApi, ListOf};
use crate::console_arguments::{ConsoleArguments, FilterArguments, parse_pattern, remark_unmatched};
use crate::dead_letters::{ChangeArguments, apply};
use crate::exit::{Exit, Trouble};
use crate::screen::Screen;
use crate::text::{count, member, rough};
use crate::url::confirm;

/// Events of a page.
const PAGE: u64 = 1000;

/// List, pause, resume and replay the accepted events of a receiver, over its console
#[derive(Args)]
pub(crate) struct InboxArguments {
    #[command(subcommand)]
    task: InboxTask,
}

#[derive(Subcommand)]
enum InboxTask {
    /// Print the depth, the pauses, and the events that wait or run, those accepted last first
    List {
        #[command(flatten)]
        console: ConsoleArguments,
        #[command(flatten)]
        filter: FilterArguments,
        /// Most events to list
        #[arg(long, visible_alias = "limit", value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(0..=100_000))]
        at_most: u64,
    },
    /// Hold the events of a pattern. They are still accepted, and no worker begins one
    Pause(PauseArguments),
    /// End the pause of a pattern
    Resume(PauseArguments),
    /// Run the handlers of dead letters again, as `dead-letters replay` does
    Replay(ChangeArguments),
}

#[derive(Args)]
struct PauseArguments {
    /// The name of an event, or a prefix with `*` after it, such as `crm.*`. `*` is all events
    #[arg(value_parser = parse_pattern)]
    pattern: String,
    /// Change also a receiver outside of private networks
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    console: ConsoleArguments,
}

pub(crate) async fn run(arguments: InboxArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    match arguments.task {
        InboxTask::List {
            console,
            filter,
            at_most,
        } => list(&console.api().await?, &filter, at_most, screen).await,
        InboxTask::Pause(pause) => set_paused("pause", &pause, screen).await,
        InboxTask::Resume(pause) => set_paused("resume", &pause, screen).await,
        InboxTask::Replay(change) => apply("replay", &change, screen).await,
    }
}

async fn list(
    console: &ConsoleApi,
    filter: &FilterArguments,
    at_most: u64,
    screen: &mut Screen,
) -> Result<Exit, Trouble> {
    let filter = filter.pairs(screen);
    let stats = console.get("inbox", &[]).await?;
    print_stats(screen, &stats);
    let events = ListOf {
        path: "inbox/events",
        member: "events",
        cursor: "before",
        page: PAGE,
    };
    let (listed, _) = console
        .list(&events, &filter, at_most, |event| print_event(screen, event))
        .await?;
    screen.remark(format!(
        "{} listed",
        count(usize::try_from(listed).unwrap_or(usize::MAX), "event")
    ));
    Ok(Exit::AsWished)
}

fn print_stats(screen: &mut Screen, stats: &Value) {
    screen.result(stats.clone(), |paint| {
        let oldest = match seconds(stats, "oldest_seconds") {
            Some(oldest) => format!(", the oldest for {oldest}"),
            None => String::new(),
        };
        let (waiting, running) = (member(stats, "waiting"), member(stats, "running"));
        let depth = paint.strong(format_args!("{waiting} waiting"));
        let mut lines = vec![format!("{depth}{oldest}, {running} running")];
        for pause in stats["paused"].as_array().into_iter().flatten() {
            let since = seconds(pause, "since_seconds").unwrap_or_default();
            let paused = paint.doubtful(format_args!("paused for {since}"));
            lines.push(format!("{}  {paused}", member(pause, "pattern")));
        }
        for of in stats["events"].as_array().into_iter().flatten() {
            let due = match seconds(of, "oldest_due_seconds") {
                _ if of["paused"] == true => paint.doubtful("paused"),
                Some(due) => format!("due for {due}"),
                None => "not due yet".to_owned(),
            };
            let waiting = member(of, "waiting");
            lines.push(format!("{}  {waiting} waiting, {due}", member(of, "event_type")));
        }
        lines.join("\n")
    });
}

fn print_event(screen: &mut Screen, event: &Value) {
    screen.result(event.clone(), |paint| {
        let state = match seconds(event, "due_in_seconds") {
            _ if event["running"] == true => paint.good("running"),
            _ if event["paused"] == true => paint.doubtful("paused"),
            Some(due) if event["due_in_seconds"] != 0 => paint.doubtful(format_args!("due in {due}")),
            _ => "due".to_owned(),
        };
        let attempts = count(event["attempts"].as_u64().unwrap_or(0) as usize, "attempt");
        format!(
            "{}  {}  {} {}  {}  {attempts}: {state}",
            member(event, "record"),
            member(event, "accepted_at"),
            paint.strong(member(event, "event_type")),
            member(event, "event_id"),
            paint.faint(member(event, "consumer_id")),
        )
    });
}

/// Writes a member that is a number of seconds. `None` if it is none.
fn seconds(object: &Value, name: &str) -> Option<String> {
    object[name].as_u64().map(Duration::from_secs).map(rough)
}

async fn set_paused(verb: &str, pause: &PauseArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    let pattern = &pause.pattern;
    remark_unmatched(pattern, screen);
    confirm(&pause.console.url, pause.yes).await?;
    let console = pause.console.api().await?;
    let answer = console
        .post(&format!("inbox/{verb}"), &json!({ "pattern": pattern }))
        .await?;
    let changed = answer["changed"] == true;
    let object = json!({"pattern": pattern, "task": verb, "changed": changed});
    screen.result(object, |paint| match (verb, changed) {
        ("pause", true) => format!("{pattern}  {}", paint.good("paused")),
        ("pause", false) => format!("{pattern}  {}", paint.good("was paused before")),
        (_, true) => format!("{pattern}  {}", paint.good("resumed")),
        (_, false) => format!("{pattern}  {}", paint.bad("was not paused")),
    });
    // Events that the pattern was to set free may be held by another pause.
    Ok(Exit::as_wished_if(changed || verb == "pause"))
}
