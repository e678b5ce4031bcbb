//! The head of the page, and its list of deliveries.

use serde_json::{Value, json};

use super::groups::groups;
use super::problem::Problem;
use super::query::Query;
use super::recent::{ConsoleObserver, DELIVERIES};
use super::seen::SeenDelivery;
use crate::hooks::Hooks;
use crate::observe::Snapshot;

/// Number of deliveries in a response, unless the request names another one.
const USUAL: u32 = 100;

/// `GET api/overview`, without the rights of the console.
pub(super) async fn overview(hooks: &Hooks, observer: &ConsoleObserver) -> Value {
    let Snapshot {
        stats,
        in_flight,
        waiting,
        dead_letters,
        inbox_waiting,
        inbox_oldest_seconds,
        inbox_pauses,
        ready,
        ..
    } = hooks.snapshot().await;
    let description = hooks.describe();
    let (minutes, rate, signatures) = observer.activity(|activity| {
        let signatures = activity.signatures();
        (activity.minutes(), activity.rate(), signatures)
    });
    json!({
        "scope": "this process",
        "observing": observer.was_handed_out(),
        "version": description.version,
        "store": description.store,
        "volatile": description.volatile,
        "source": description.source,
        "secrets": description.secrets,
        "ready": ready,
        "in_flight": in_flight,
        "waiting": waiting,
        "dead_letters": dead_letters,
        "keeps_dead_letters": hooks.dead_letters().is_some(),
        "has_inbox": hooks.receiver.store.inbox().is_some(),
        "inbox_waiting": inbox_waiting,
        "inbox_oldest_seconds": inbox_oldest_seconds,
        "inbox_pauses": inbox_pauses,
        "rate_per_minute": rate,
        "totals": stats,
        "minutes": minutes,
        "groups": groups(),
        "signatures": signatures,
    })
}

/// `GET api/deliveries`
pub(super) fn deliveries(observer: &ConsoleObserver, query: Option<&str>) -> Result<Value, Problem> {
    let query = Query::read(query, &["event", "outcome", "text", "before", "limit"])?;
    let limit = query.limit(USUAL, DELIVERIES as u32)? as usize;
    let before: Option<u64> = query.parsed("before")?;
    let text = query.text("text").map(str::to_lowercase);
    let rows = observer.rows();
    let matches = |row: &SeenDelivery| {
        before.is_none_or(|before| row.number < before)
            && query.text("event").is_none_or(|event| is_named(row, event))
            && query.text("outcome").is_none_or(|outcome| row.outcome == outcome)
            && text.as_deref().is_none_or(|text| row.contains(text))
    };
    let mut found = rows.iter().filter(|row| matches(row));
    let page: Vec<&SeenDelivery> = found.by_ref().take(limit).map(|row| &**row).collect();
    let next = found.next().and(page.last()).map(|row| row.number);
    Ok(json!({ "deliveries": page, "next": next }))
}

/// Tells if a row's event has this name, or matches this pattern.
fn is_named(row: &SeenDelivery, wanted: &str) -> bool {
    let name = row.event_type.as_deref().unwrap_or_default();
    match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    }
}
