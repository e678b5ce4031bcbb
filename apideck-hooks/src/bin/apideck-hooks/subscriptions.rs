//! `apideck-hooks subscriptions`: those of an application, beside the handlers of its receiver.

use std::collections::BTreeSet;

use apideck_hooks::EventType;
use clap::Args;
use http::Uri;
use serde_json::{Value, json};

use crate::apideck_api::{ApiArguments, ApideckApi};
use crate::console_api::{ConsoleApi, USER};
use crate::exit::{Exit, Trouble};
use crate::screen::Screen;
use crate::text::{clean, count};
use crate::url::parse_url;

/// Most names of a line.
const MOST_NAMES: usize = 12;

/// Show Apideck's subscriptions: status, why disabled, events
///
/// With --console it also shows events that are subscribed and have no handler, and handlers whose
/// events are not subscribed. The exit status is 1 if there is no subscription, if one is disabled,
/// or if subscriptions and handlers differ.
#[derive(Args)]
pub(crate) struct SubscriptionsArguments {
    /// URL of the receiver's console. Its token is in APIDECK_HOOKS_CONSOLE_TOKEN
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    console: Option<Uri>,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) async fn run(arguments: SubscriptionsArguments, screen: &mut Screen) -> Result<Exit, Trouble> {
    let api = ApideckApi::new(&arguments.api).await?;
    let mut pages = api.pages("webhook/webhooks", Vec::new());
    let (mut number, mut disabled) = (0, 0);
    let mut subscribed = BTreeSet::new();
    while let Some(page) = pages.next(screen).await? {
        for subscription in &page.entries {
            number += 1;
            let enabled = subscription["status"] == "enabled";
            disabled += usize::from(!enabled);
            if enabled {
                subscribed.extend(names(&subscription["events"]));
            }
            print(screen, subscription, enabled);
        }
    }
    screen.remark(format!("{}, {disabled} disabled", count(number, "subscription")));
    let mut agree = true;
    if let Some(console) = &arguments.console {
        let receiver = ConsoleApi::new(console, USER).await?.get("receiver", &[]).await?;
        agree = compare(screen, &subscribed, &receiver["receiver"])?;
    }
    Ok(Exit::as_wished_if(number > 0 && disabled == 0 && agree))
}

fn print(screen: &mut Screen, subscription: &Value, enabled: bool) {
    let text = |name: &str| subscription[name].as_str().map(clean).unwrap_or_default();
    let events = names(&subscription["events"]);
    let reason = subscription["disabled_reason"]
        .as_str()
        .filter(|reason| *reason != "none");
    let meaning = reason.map(meaning);
    screen.result(
        json!({
            "subscription": subscription["id"],
            "description": subscription["description"],
            "delivery_url": subscription["delivery_url"],
            "unified_api": subscription["unified_api"],
            "status": subscription["status"],
            "disabled_reason": reason,
            "meaning": meaning,
            "events": events,
        }),
        |paint| {
            let status = if enabled {
                paint.good("enabled")
            } else {
                paint.bad(text("status"))
            };
            let mut line = format!("{status}  {}  {}", paint.strong(text("id")), text("delivery_url"));
            if let (false, Some(meaning)) = (enabled, meaning) {
                line += &format!("\n  {}: {}", text("disabled_reason"), paint.bad(meaning));
            }
            line + &format!("\n  events: {}", some(&events))
        },
    );
}

/// Explains the reason for which Apideck has disabled a subscription.
fn meaning(reason: &str) -> &'static str {
    match reason {
        "retry_limit" => {
            "an event was not acknowledged in ten deliveries, so Apideck sends nothing any more. Mend the receiver, \
             enable the subscription, and then send the missed events with `apideck-hooks backfill`"
        }
        "usage_limit" => "the plan's limit is reached, so Apideck sends nothing any more",
        "delivery_url_validation_failed" => {
            "the receiver did not acknowledge the POST with which Apideck validates a URL. `apideck-hooks check` \
             sends the same"
        }
        _ => "Apideck gives a reason that this release does not know",
    }
}

/// Compares the subscribed events with the handlers. Returns `true` if they agree.
fn compare(screen: &mut Screen, subscribed: &BTreeSet<String>, receiver: &Value) -> Result<bool, Trouble> {
    let Some(handlers) = receiver["handlers"].as_array() else {
        return Err(Trouble::not_as_wished(
            "the console's answer has no list `handlers`",
        ));
    };
    let handled: BTreeSet<_> = handlers
        .iter()
        .flat_map(|handler| names(&handler["events"]))
        .collect();
    let all = subscribed.contains("*");
    let wanted: BTreeSet<String> = match all {
        true => EventType::ALL.iter().map(EventType::to_string).collect(),
        false => subscribed.clone(),
    };
    // The console names the listed events of a handler alone, so another one may be handled by a
    // pattern.
    let is_listed = |name: &String| EventType::from(name.as_str()).is_listed();
    let without_handler = wanted.difference(&handled).cloned();
    let (without_handler, unlisted): (Vec<_>, Vec<_>) = without_handler.partition(is_listed);
    // A receiver of a later release can list more events than this command.
    let not_subscribed = handled.difference(&wanted).filter(|_| !all);
    let not_subscribed: Vec<_> = not_subscribed.cloned().collect();
    screen.object(json!({
        "subscribed_to_all": all,
        "subscribed_and_not_listed": unlisted,
        "subscribed_without_a_handler": without_handler,
        "handled_without_a_subscription": not_subscribed,
    }));
    let agree = (all || without_handler.is_empty()) && not_subscribed.is_empty();
    tell(screen, all, &without_handler, &unlisted, &not_subscribed);
    Ok(agree)
}

fn tell(
    screen: &mut Screen,
    all: bool,
    without_handler: &[String],
    unlisted: &[String],
    not_subscribed: &[String],
) {
    screen.plain(|paint| match (without_handler.is_empty(), all) {
        (true, _) => paint.good("every subscribed event has a handler"),
        // Nobody writes a handler for every event of `*`, and the others are acknowledged.
        (false, true) => format!(
            "subscribed to all events, {} of them without a handler",
            without_handler.len()
        ),
        (false, false) => {
            format!(
                "{}: {}",
                paint.doubtful("subscribed without a handler"),
                some(without_handler)
            )
        }
    });
    if !unlisted.is_empty() {
        screen.plain(|_| {
            format!(
                "subscribed and not listed by this release, so it is not known if they are handled: {}",
                some(unlisted)
            )
        });
    }
    screen.plain(|paint| match not_subscribed.is_empty() {
        true => paint.good("every handled event is subscribed"),
        false => format!(
            "{}: {}",
            paint.bad("handled without a subscription"),
            some(not_subscribed)
        ),
    });
}

fn names(list: &Value) -> Vec<String> {
    let names = list.as_array().into_iter().flatten();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// Writes the first names of a list, and the number of the others.
fn some(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let first = names
        .iter()
        .take(MOST_NAMES)
        .map(|name| clean(name))
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(MOST_NAMES) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_another_side_cannot_move_the_cursor() {
        assert_eq!(some(&["a\u{1b}[2J".to_owned(), "b".to_owned()]), "a\\u{1b}[2J, b");
    }
}
