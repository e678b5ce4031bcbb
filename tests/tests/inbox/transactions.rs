//! Handlers of accepted events with a transaction.

use crate::world::{
    Database, EVENT, InboxFile, RunLog, Working, accepting, handle, inbox_file, quick, stats, until_idle,
};
use apideck_hooks::{Delivery, Failure, Hooks, Outcome, State, Tx, on, router};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::time::Duration;

#[on("vault.*")]
async fn in_transaction(
    delivery: Delivery,
    State(log): State<RunLog>,
    mut tx: Tx<Database>,
) -> Result<Outcome, sqlx::Error> {
    let effect = sqlx::query("INSERT INTO effects VALUES ($1)").bind(delivery.event_id());
    effect.execute(&mut *tx).await?;
    if delivery.event_id() == Some("long-retry") && delivery.attempt() == 1 {
        return Ok(Failure::retry_after(Duration::from_secs(1000), "later").into());
    }
    Ok(log.run(&delivery).await)
}

async fn world(file: &InboxFile, log: &RunLog) -> Hooks {
    file.execute("CREATE TABLE effects (event TEXT NOT NULL)").await;
    let hooks = accepting(
        Hooks::builder(router![in_transaction, handle]),
        file.store().await,
        log,
    );
    hooks.build().unwrap()
}

#[tokio::test]
async fn inbox_18_a_rollback_leaves_a_waiting_event_and_no_effect() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = world(&file, &log).await;
    event(EVENT, "long-retry").call(&hooks).await.assert_accepted();
    let _workers = Working::begin(&hooks, quick());
    until("the run has ended", async || hooks.stats().runs_failed == 1).await;
    let left = stats(&hooks).await;
    assert_eq!((left.waiting, left.running), (1, 0));
    assert_eq!(file.number("SELECT attempts FROM apideck_hooks_records").await, 1);
    assert_eq!(file.number("SELECT count(*) FROM effects").await, 0);
}

/// Handlers with and without a transaction run beside each other, and each effect is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_18_each_event_has_one_effect() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = world(&file, &log).await;
    let _workers = Working::begin(&hooks, quick());
    let name = |n: usize| {
        if n.is_multiple_of(2) {
            EVENT
        } else {
            "crm.lead.created"
        }
    };
    let kind = |n: usize| ["good", "flaky", "bad", "fail"][n / 2 % 4];
    let events: Vec<_> = (0..80)
        .map(|n| event(name(n), &format!("{}-{n}", kind(n))))
        .collect();
    for answer in join_all(events.iter().map(|event| event.call(&hooks))).await {
        answer.assert_accepted();
    }
    until_idle(&hooks).await;
    let effects = "SELECT count(*) FROM effects";
    let distinct =
        "SELECT count(DISTINCT event) FROM effects WHERE event LIKE 'good%' OR event LIKE 'flaky%'";
    assert_eq!(
        (file.number(effects).await, file.number(distinct).await),
        (20, 20)
    );
    let stats = hooks.stats();
    assert_eq!((stats.runs_handled, stats.dead_letters), (40, 40));
}

/// An acceptance waits for a transaction no longer than its limit, and goes before the next one.
#[tokio::test]
async fn an_event_is_accepted_while_transactions_wait() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = world(&file, &log).await;
    for n in 0..4 {
        event(EVENT, &format!("hold-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    let _workers = Working::begin(&hooks, quick());
    log.until_begun(1).await;
    let more = event(EVENT, "more");
    let accepted = tokio::spawn(more.call(&hooks));
    log.open(1);
    accepted.await.unwrap().assert_accepted();
    log.open(3);
    until_idle(&hooks).await;
    assert_eq!(file.number("SELECT count(*) FROM effects").await, 5);
}

/// One slot, and a backlog of both kinds: neither waits for the end of the other's.
#[tokio::test]
async fn handlers_with_and_without_a_transaction_take_turns() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = world(&file, &log).await;
    for n in 0..20 {
        event(EVENT, &format!("good-tx-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    for n in 0..4 {
        let plain = event("crm.lead.created", &format!("good-plain-{n}"));
        plain.call(&hooks).await.assert_accepted();
    }
    let _workers = Working::begin(&hooks, quick().concurrency(1).poll(Duration::from_secs(3600)));
    log.until_begun(24).await;
    let last = log.begun().iter().rposition(|(id, _)| id.contains("plain"));
    assert!(last < Some(12), "{:?}", log.begun());
}
