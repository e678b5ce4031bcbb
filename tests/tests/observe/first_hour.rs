//! The four questions of a first hour, answered from the default log alone.

use super::EVENT;
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step};

/// Returns the lines of one delivery.
async fn lines(probe: &Probe, delivery: Delivery) -> Vec<String> {
    let (log, _guard) = Log::capture();
    let hooks = probe.hooks().build().expect("a receiver");
    let before = log.lines().len();
    delivery.call(&hooks).await;
    log.lines().split_off(before)
}

#[track_caller]
fn says(lines: &[String], parts: &[&str]) {
    let told = lines
        .iter()
        .any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(told, "{parts:?}: {lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn was_my_handler_called() {
    let lines = lines(&Probe::default(), Delivery::event(EVENT, "e1")).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    says(
        &lines,
        &[
            "INFO",
            "answered: handled",
            EVENT,
            "e1",
            "scripted",
            "1 of 8",
            "took=",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn when_will_it_be_tried_again() {
    let lines = lines(&Probe::new([Step::Fail]), Delivery::event(EVENT, "e1")).await;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    says(
        &lines,
        &[
            "WARN",
            "failed",
            "rest=96s",
            "secret-reason",
            "1 of 8",
            "Apideck's next delivery",
        ],
    );
    says(&lines, &["INFO", "answered: failed", "status=500"]);
}

#[tokio::test(start_paused = true)]
async fn why_401() {
    let forged = Delivery::event(EVENT, "e1").signature(&"0".repeat(64));
    let lines = lines(&Probe::default(), forged).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    says(&lines, &["WARN", "refused: ", "status=401", "omitted=0"]);
    let unsigned = Delivery::event(EVENT, "e1").without("x-apideck-signature");
    says(
        &self::lines(&Probe::default(), unsigned).await,
        &["WARN", "refused: ", "status=401"],
    );
}

#[tokio::test(start_paused = true)]
async fn the_receiver_tells_what_it_was_built_of() {
    let (log, _guard) = Log::capture();
    let _hooks = Probe::default().hooks().build().expect("a receiver");
    let lines = log.lines();
    says(
        &lines,
        &[
            "INFO",
            "the receiver is built",
            "handlers=1",
            "MemoryStore",
            "max_attempts=8",
        ],
    );
    says(&lines, &["WARN", "the store is in memory"]);
    assert!(
        !lines.iter().any(|line| line.contains("test-api-key")),
        "{lines:#?}"
    );
}
