//! `apideck-hooks backfill`: events that were never delivered, from Apideck's own log.
//!
//! # How it works
//!
//! The log is read twice. The first time it gives the deliveries that failed, and the second time
//! those that succeeded, so that a success during the first reading counts. An event with a success
//! is left out, and so is one that Apideck will still send again by itself. Both readings go from
//! `--since` to the end of the log, also with `--until`. That only chooses among the events,
//! because a retry after it can have succeeded, or can be the last one.
//!
//! `entry` reads an entry of the log, `missed` keeps one body an event, and `order` puts the events
//! into the order in which they happened. Each is then sent once, as a first delivery. Its
//! idempotency key follows from its identity, so that a second backfill sends the same delivery
//! again, which is a duplicate.

mod entry;
mod missed;
mod order;

use std::time::SystemTime;

use apideck_hooks::testing::{Apideck, Event};
use clap::Args;
use http::Uri;
use serde_json::json;
use tokio::time::Instant;

use crate::apideck_api::{ApiArguments, ApideckApi};
use crate::client::client;
use crate::exit::{Exit, Trouble};
use crate::report;
use crate::screen::Screen;
use crate::source::remark_unlisted;
use crate::text::{clean, count, parse_time, time};
use crate::url::{confirm, parse_url};
use entry::LogEntry;
use missed::{Missed, MissedEvent};

/// Send events that were never delivered, from Apideck's own log
///
/// Each event is sent once, the oldest first, with its latest body and execution_attempt 1. Events
/// that succeeded later, or that Apideck will still send again, are left out. An event that was
/// handled meanwhile is a duplicate for the receiver, so a backfill can be run twice. It stops at
/// the first event that is not acknowledged, and says from when to go on.
#[derive(Args)]
pub(crate) struct BackfillArguments {
    /// Begin of the outage, such as 2026-11-29T10:00:00Z, 2026-11-29 or 36h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: SystemTime,
    /// End of the outage: leave out events whose first delivery in the log is later
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<SystemTime>,
    /// URL of the receiver
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: Uri,
    /// List the events, and send none
    #[arg(long)]
    dry_run: bool,
    /// Most events to send. Duplicates do not count
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..))]
    at_most: u64,
    /// Only this event
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only deliveries to this URL, if the log has several
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Leave out the events with this id
    #[arg(long, value_name = "ID")]
    skip: Vec<String>,
    /// Send also to a machine outside of private networks
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) async fn run(arguments: BackfillArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    if !arguments.dry_run {
        confirm(&arguments.to, arguments.yes).await?;
    }
    remark_unlisted(arguments.event.as_deref(), screen);
    let secret = arguments.api.key.read()?.secret;
    let apideck = Apideck::new(client(&arguments.to)?, secret).path(&arguments.to.to_string());
    let missed = read(&arguments, screen).await?;
    let events = missed.in_order(&arguments.skip, arguments.until);
    let (mut sent, mut counted, mut exit) = (0, 0, Exit::as_wished_if(missed.unusable == 0));
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    for missed in &events {
        if counted == arguments.at_most {
            break;
        }
        let event = delivery(missed)?;
        if arguments.dry_run {
            tell_dry(screen, missed, &event);
            counted += 1;
            continue;
        }
        let begun = Instant::now();
        let answer = tokio::select! {
            // First, so that an interrupt is waited for before anything is sent.
            biased;
            // The event may have arrived. It is sent again later, and is a duplicate then.
            _ = &mut interrupt => {
                exit = Exit::NotAsWished;
                screen.remark("stopped by an interrupt. The others were not sent");
                break;
            }
            answer = apideck.send(&event) => answer,
        };
        report::answer(screen, &event, &answer, begun.elapsed());
        if !answer.is_acknowledged() {
            exit = report::exit(&answer);
            screen.remark("stopped, because the event was not acknowledged. The others were not sent");
            break;
        }
        sent += 1;
        // A backfill that goes on begins with duplicates. If they counted, it could get no further.
        counted += u64::from(answer.word().as_deref() != Some("duplicate"));
    }
    let left = &events[sent..];
    // Of a dry run nothing is sent, so it goes on where it has begun.
    let go_on = (!arguments.dry_run && !left.is_empty())
        .then(|| order::resume(left, arguments.since, arguments.until.is_some()));
    let numbers = Numbers {
        sent,
        would_send: if arguments.dry_run { counted as usize } else { 0 },
        left: left.len(),
        skipped: missed.skipped(&arguments.skip),
    };
    sum_up(screen, &missed, &numbers, arguments.dry_run, go_on);
    Ok(exit)
}

/// The numbers of events.
struct Numbers {
    sent: usize,
    would_send: usize,
    left: usize,
    /// Left out by their ids.
    skipped: usize,
}

fn tell_dry(screen: &mut Screen, missed: &MissedEvent, event: &Event) {
    let at = missed.at().map(time);
    let object = json!({
        "event": event.event_type(),
        "event_id": event.event_id(),
        "at": at,
        "would_send": true,
    });
    screen.result(object, |paint| {
        let at = paint.faint(at.as_deref().unwrap_or("no time"));
        format!("would send  {at}  {}", clean(&event.to_string()))
    });
}

/// Reads the log twice: for failures, and then for successes.
async fn read(arguments: &BackfillArguments, screen: &Screen) -> Result<Missed, Trouble> {
    let api = ApideckApi::new(&arguments.api).await?;
    if arguments.until.is_some_and(|until| until <= arguments.since) {
        return Err(Trouble::wrong_use("`--since` is not before `--until`"));
    }
    let filters = |success: bool| {
        let mut filters = vec![
            ("filter[success]", success.to_string()),
            ("filter[start_date]", time(arguments.since)),
        ];
        filters.extend(arguments.event.clone().map(|event| ("filter[event_type]", event)));
        filters
    };
    // The server's filters save time. The entries are checked all the same.
    let is_wanted = |entry: &LogEntry| {
        let event = arguments.event.as_deref();
        event.is_none_or(|event| {
            entry
                .event_type
                .as_deref()
                .is_none_or(|of_entry| of_entry == event)
        }) && entry.last.is_none_or(|last| last >= arguments.since)
    };
    let endpoint = arguments.endpoint.as_deref();
    let is_here =
        |entry: &LogEntry| endpoint.is_none_or(|endpoint| entry.endpoint.as_deref() == Some(endpoint));
    let mut missed = Missed::default();
    let mut pages = api.pages("webhook/logs", filters(false));
    while let Some(page) = pages.next(screen).await? {
        for entry in page.entries.into_iter().map(LogEntry::new).filter(is_wanted) {
            match (entry.success, is_here(&entry)) {
                (true, _) => {}
                (false, true) => missed.add(entry)?,
                (false, false) => missed.went_to(entry.endpoint),
            }
        }
    }
    missed.check_endpoints(endpoint.is_some(), screen)?;
    if missed.is_empty() {
        return Ok(missed);
    }
    let mut pages = api.pages("webhook/logs", filters(true));
    while let Some(page) = pages.next(screen).await? {
        for entry in page.entries.into_iter().map(LogEntry::new).filter(is_wanted) {
            if entry.success && is_here(&entry) {
                missed.succeeded(&entry);
            }
        }
    }
    Ok(missed)
}

/// Makes the delivery of a missed event: the first one, under a key that follows from its identity.
fn delivery(missed: &MissedEvent) -> Result<Event, Trouble> {
    let wrong = |error| Trouble::not_as_wished(format_args!("a body of Apideck's log: {error}"));
    let mut event = Event::from_json(missed.body.clone()).map_err(wrong)?;
    // A body whose count is 1 already is sent byte for byte.
    if event.execution_attempt().is_some_and(|attempt| attempt != 1) {
        event = event.try_set("execution_attempt", 1).map_err(wrong)?;
    }
    Ok(event.key(&missed.key))
}

fn sum_up(screen: &mut Screen, missed: &Missed, numbers: &Numbers, dry_run: bool, go_on: Option<SystemTime>) {
    let go_on = go_on.map(time);
    let object = json!({"summary": {
        "dry_run": dry_run,
        "sent": numbers.sent,
        "would_send": numbers.would_send,
        "left": numbers.left,
        "skipped": numbers.skipped,
        "succeeded_later": missed.succeeded,
        "apideck_retries": missed.retried(),
        "not_an_event": missed.no_event,
        "unusable": missed.unusable,
        "with_envelope": missed.with_envelope,
        "without_envelope": missed.without_envelope,
        "go_on_since": go_on,
    }});
    screen.result(object, |paint| {
        let mut parts = match dry_run {
            true => vec![
                format!("{} would be sent", count(numbers.would_send, "event")),
                format!("{} left", numbers.left - numbers.would_send),
            ],
            false => vec![
                format!("{} sent", count(numbers.sent, "event")),
                format!("{} left", numbers.left),
            ],
        };
        for (number, text) in [
            (numbers.skipped, "left out by `--skip`"),
            (missed.succeeded, "succeeded later"),
            (missed.retried(), "will be sent again by Apideck"),
            (missed.no_event, "that are not events"),
            (missed.unusable, "without a usable body"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {text}"));
            }
        }
        paint.strong(parts.join(", "))
    });
    match (missed.with_envelope, missed.without_envelope) {
        (0, 0) => {}
        (_, 0) => screen.remark("the log's bodies have the `payload` envelope"),
        (0, _) => screen.remark("the log's bodies have no `payload` envelope, so it was put around them"),
        (with, without) => screen.remark(format_args!(
            "{with} bodies of the log have the `payload` envelope, and it was put around {without} others"
        )),
    }
    if let Some(go_on) = go_on {
        screen.remark(format_args!("go on with `--since {go_on}`"));
    }
}
