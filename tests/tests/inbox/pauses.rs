//! Pauses of accepted events.

use crate::world::{EVENT, RunLog, Working, inbox_file, quick, stats, until_idle};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::waiting::until;

#[tokio::test]
async fn a_pause_holds_its_events_and_survives_a_restart() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    assert!(hooks.inbox().pause("crm.*").await.unwrap());
    assert!(!hooks.inbox().pause("crm.*").await.unwrap());
    assert!(hooks.inbox().pause("crm lead").await.is_err());
    let workers = Working::begin(&hooks, quick());
    for (name, id) in [("crm.lead.created", "lead"), (EVENT, "good")] {
        event(name, id).call(&hooks).await.assert_accepted();
    }
    log.until_begun(1).await;
    until("one is left", async || stats(&hooks).await.waiting == 1).await;
    drop(workers);
    drop(hooks);

    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, quick());
    event(EVENT, "next").call(&hooks).await.assert_accepted();
    log.until_begun(2).await;
    assert_eq!(log.count("lead"), 0);
    assert!(hooks.inbox().resume("crm.*").await.unwrap());
    assert!(!hooks.inbox().resume("crm.*").await.unwrap());
    until_idle(&hooks).await;
    assert_eq!(log.count("lead"), 1);
}

/// The time since the first run leaves pauses out, also those that overlap.
#[tokio::test]
async fn the_time_of_a_pause_does_not_count() {
    const HOUR: i64 = 3_600_000_000;
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    event("crm.lead.created", "lead")
        .call(&hooks)
        .await
        .assert_accepted();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    // Both ran for the first time ten hours ago.
    file.execute(&format!(
        "UPDATE apideck_hooks_records SET attempts = 1, first_seen = first_seen - 10 * {HOUR}"
    ))
    .await;
    let first_seen = "SELECT first_seen FROM apideck_hooks_records WHERE event_id = 'lead'";
    let before = file.number(first_seen).await;
    let others = "SELECT first_seen FROM apideck_hooks_records WHERE event_id = 'good'";
    let other = file.number(others).await;
    for pattern in ["crm.*", "crm.lead.created"] {
        hooks.inbox().pause(pattern).await.unwrap();
    }
    // One pause of eight hours, and one of five within it.
    for (pattern, hours) in [("crm.*", 8), ("crm.lead.created", 5)] {
        file.execute(&format!(
            "UPDATE apideck_hooks_pauses SET since = since - {hours} * {HOUR} WHERE pattern = '{pattern}'"
        ))
        .await;
    }
    let shifted = async || (file.number(first_seen).await - before) / HOUR;
    hooks.inbox().resume("crm.*").await.unwrap();
    assert_eq!(shifted().await, 3);
    hooks.inbox().resume("crm.lead.created").await.unwrap();
    assert_eq!(shifted().await, 8);
    assert_eq!(file.number(others).await, other);
}
