//! Lines in the log that one captured request can cause again and again.

use super::EVENT;
use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Hooks, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step};
use std::time::Duration;
use tracing::Level;

const REPLAYS: usize = 50;

/// Sends a request many times within one second, and once more after it. Checks that the log has
/// one line with `text` in the first second, that the next one counts the others, that both have
/// the `parts`, and that the others are there at DEBUG.
async fn check_lines(hooks: &Hooks, request: &Delivery, level: Level, text: &str, parts: &[&str]) {
    let (log, _guard) = Log::capture_from(Level::DEBUG);
    let (level, debug) = (format!(" {level} "), " DEBUG ");
    let lines = |level: &str| {
        let mut lines = log.lines();
        lines.retain(|line| line.contains(text) && line.contains(level));
        lines
    };
    for _ in 0..REPLAYS {
        request.call(hooks).await;
    }
    assert_eq!(lines(&level).len(), 1, "{:#?}", log.lines());
    assert_eq!(lines(debug).len(), REPLAYS - 1, "{:#?}", log.lines());
    tokio::time::advance(Duration::from_secs(1)).await;
    request.call(hooks).await;
    let lines = lines(&level);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for (line, omitted) in lines.iter().zip([0, REPLAYS - 1]) {
        assert!(line.contains(&format!("omitted={omitted}")), "{line}");
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[on("*")]
async fn sync_all(_: AnyEvent) {}

fn hooks() -> Hooks {
    Hooks::builder(router![sync_all]).secret(SECRET).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_replayed_contradiction_writes_one_line_a_second() {
    let delivery = Delivery::event(EVENT, "e1").header("x-apideck-event-type", "crm.lead.created");
    let parts = [EVENT, "e1", "sync_all", "names another event"];
    check_lines(&hooks(), &delivery, Level::WARN, "refused: ", &parts).await;
}

#[tokio::test(start_paused = true)]
async fn a_replayed_body_without_an_event_writes_one_line_a_second() {
    let delivery = Delivery::of("{}").header("x-apideck-event-type", EVENT);
    let parts = [EVENT, "sync_all"];
    check_lines(&hooks(), &delivery, Level::WARN, "names an event, and", &parts).await;
}

#[tokio::test(start_paused = true)]
async fn a_replayed_body_with_an_unusable_key_writes_one_line_a_second() {
    let delivery = Delivery::event(EVENT, "e1").header("x-apideck-idempotency-key", "a b");
    let parts = [EVENT, "e1", "sync_all"];
    check_lines(
        &hooks(),
        &delivery,
        Level::WARN,
        "unusable idempotency key",
        &parts,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_replayed_in_an_overload_writes_one_line_of_each_kind_a_second() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().max_in_flight(1).build().unwrap();
    let running = tokio::spawn({
        let hooks = hooks.clone();
        async move { Delivery::event(EVENT, "e0").call(&hooks).await }
    });
    probe.started().await;
    let last = format!(r#"{{"payload":{{"event_type":"{EVENT}","event_id":"e1","execution_attempt":10}}}}"#);
    let last = Delivery::of(last);
    let parts = [EVENT, "e1", "scripted"];
    for (level, text) in [
        (Level::WARN, "too many deliveries are in flight"),
        (Level::ERROR, "before the store was asked"),
    ] {
        check_lines(&hooks, &last, level, text, &parts).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(hooks.stats().last_refused, hooks.stats().busy);
    probe.open();
    assert_eq!(running.await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_line_is_told_at_debug() {
    let hooks = hooks();
    for refused in [
        Delivery::of("{}").without("x-apideck-signature"),
        Delivery::of("{}").signature(&"0".repeat(64)),
        Delivery::of(vec![b' '; 2 * 1024 * 1024]),
    ] {
        tokio::time::advance(Duration::from_secs(1)).await;
        check_lines(&hooks, &refused, Level::WARN, "refused: ", &[]).await;
    }
}
