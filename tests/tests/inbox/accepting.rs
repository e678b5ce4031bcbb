//! Accepting events, and their duplicates in every state.

use crate::world::{EVENT, RunLog, Working, accepting, handle, inbox_file, quick, stats, until_idle};
use apideck_hooks::events::AnyEvent;
use apideck_hooks::store::{LetterFilter, RecordState, Store};
use apideck_hooks::testing::Answer;
use apideck_hooks::{Context, Delivery, Hooks, Outcome, State, Workers, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;

#[tokio::test]
async fn an_event_is_accepted_and_runs_later() {
    let file = inbox_file!();
    let log = RunLog::default();
    let inbox = file.inbox().await;
    let hooks = Hooks::builder(router![handle])
        .secret(SECRET)
        .state(log.clone())
        .source("tests")
        .inbox(inbox);
    let hooks = hooks.build().unwrap();
    let delivery = event(EVENT, "good");
    delivery.call(&hooks).await.assert_accepted();
    assert!(log.begun().is_empty());
    assert_eq!(
        file.number("SELECT count(*) FROM apideck_hooks_records WHERE body IS NOT NULL")
            .await,
        1
    );

    let workers = Working::begin(&hooks, Workers::new());
    until_idle(&hooks).await;
    assert_eq!(log.begun(), [("good".to_owned(), 1)]);
    delivery.call(&hooks).await.assert_duplicate();
    // The body can hold credentials, and goes with the end.
    assert_eq!(
        file.number("SELECT count(*) FROM apideck_hooks_records WHERE body IS NOT NULL")
            .await,
        0
    );
    // Workers in this process are told of a new event.
    event(EVENT, "next").call(&hooks).await.assert_accepted();
    log.until_begun(2).await;
    until_idle(&hooks).await;
    assert_eq!((hooks.stats().accepted, hooks.stats().runs_handled), (2, 2));
    drop(workers);
}

/// An event that waits or runs is listed and read. Others are not.
#[tokio::test]
async fn a_waiting_event_is_read_with_its_body() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log);
    let mut context = Context::new();
    context.insert("tenant", "acme").unwrap();
    let hooks = hooks.context(move |_| context.clone()).build().unwrap();
    let delivery = event(EVENT, "hold\0\\").consumer("ac\0me").key("a-key");
    delivery.call(&hooks).await.assert_accepted();
    event("crm.lead.created", "bad")
        .call(&hooks)
        .await
        .assert_accepted();
    let inbox = hooks.inbox();
    let listed = async |pattern: &str| {
        let filter = LetterFilter::new().event_type(pattern);
        inbox.list(&filter, None, 10).await.unwrap()
    };
    let event = listed(EVENT).await.remove(0);
    let found = inbox.get(event.record).await.unwrap().expect("it waits");
    assert_eq!(found.event, event);
    assert_eq!(
        (&*event.event_id, &*event.consumer_id, event.attempts),
        ("hold\0\\", "ac\0me", 0)
    );
    assert_eq!(found.idempotency_key.as_deref(), Some("a-key"));
    assert_eq!(found.kept.context.get("tenant"), Some("acme"));
    assert_eq!(
        (&found.kept.event_id, &found.kept.consumer_id),
        (&event.event_id, &event.consumer_id)
    );
    assert!(String::from_utf8_lossy(&found.kept.body).contains(EVENT));
    assert!(!format!("{found:?}").contains("payload"));
    for (pattern, number) in [
        ("vault.*", 1),
        ("*", 2),
        ("crm.lead.*", 1),
        ("crm", 0),
        ("v*t.x", 0),
    ] {
        assert_eq!(listed(pattern).await.len(), number, "{pattern}");
    }
    let bad = listed("crm.*").await[0].record;

    let _workers = Working::begin(&hooks, quick());
    log.until_begun(2).await;
    let running = inbox.get(event.record).await.unwrap().expect("it runs");
    assert!(running.event.running && running.event.attempts == 1);
    log.open(1);
    until_idle(&hooks).await;
    // One is done, and the other one is a dead letter.
    for record in [event.record, bad] {
        assert_eq!(inbox.get(record).await.unwrap(), None);
    }
    let letters = hooks.dead_letters().expect("letters");
    assert!(letters.get(bad).await.unwrap().is_some());
}

/// Sends 64 duplicates at once.
async fn duplicates(hooks: &Hooks, id: &str) -> Vec<Answer> {
    let delivery = event(EVENT, id);
    join_all((0..64).map(|_| delivery.call(hooks))).await
}

fn all(answers: &[Answer], word: &str) {
    for answer in answers {
        assert_eq!((answer.code(), answer.outcome().as_str()), (200, word));
    }
}

#[tokio::test]
async fn inbox_02_a_duplicate_in_every_state_is_one_record_and_one_run() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for id in ["hold", "bad"] {
        all(&duplicates(&hooks, id).await, "accepted");
        all(&duplicates(&hooks, id).await, "accepted");
    }
    assert_eq!(file.number("SELECT count(*) FROM apideck_hooks_records").await, 2);
    let _workers = Working::begin(&hooks, quick());
    log.until_begun(2).await;
    until("the bad one is dead", async || stats(&hooks).await.running == 1).await;
    all(&duplicates(&hooks, "hold").await, "accepted");
    all(&duplicates(&hooks, "bad").await, "duplicate");
    log.open(1);
    until_idle(&hooks).await;
    all(&duplicates(&hooks, "hold").await, "duplicate");
    assert_eq!((log.count("hold"), log.count("bad")), (1, 1));
    let letters = hooks
        .dead_letters()
        .unwrap()
        .count(&LetterFilter::new())
        .await
        .unwrap();
    assert_eq!(letters, 1);
}

/// A retry under another `event_id` is the same event by its delivery key.
#[tokio::test]
async fn an_accepted_event_is_known_by_both_keys() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    event(EVENT, "first").call(&hooks).await.assert_accepted();
    event(EVENT, "second")
        .key("key-of-first")
        .call(&hooks)
        .await
        .assert_accepted();
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!(log.begun(), [("first".to_owned(), 1)]);
    event(EVENT, "third")
        .key("key-of-first")
        .call(&hooks)
        .await
        .assert_duplicate();
}

#[on("vault.connection.deleted", inline)]
async fn stop(delivery: Delivery, State(log): State<RunLog>) -> Outcome {
    log.run(&delivery).await
}

#[tokio::test]
async fn an_inline_handler_is_answered_by_its_outcome() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![stop, handle]), file.store().await, &log);
    let hooks = hooks.build().unwrap();
    event("vault.connection.deleted", "good")
        .call(&hooks)
        .await
        .assert_handled();
    event("vault.connection.deleted", "fail")
        .call(&hooks)
        .await
        .assert_failed();
    event(EVENT, "waits").call(&hooks).await.assert_accepted();
    assert_eq!(log.begun().len(), 2);
}

#[on("crm.*")]
async fn crm(_: AnyEvent) {}

#[tokio::test]
async fn an_event_without_a_handler_is_ignored_and_not_kept() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![crm]), file.store().await, &log);
    let hooks = hooks.build().unwrap();
    event(EVENT, "good").call(&hooks).await.assert_ignored();
    assert_eq!(file.number("SELECT count(*) FROM apideck_hooks_records").await, 0);
}

#[on("*")]
async fn look(delivery: Delivery, State(log): State<RunLog>) -> Outcome {
    assert_eq!(delivery.context().get("tenant"), Some("a"));
    assert_eq!(delivery.idempotency_key(), Some("key-of-good"));
    assert!(delivery.token().is_some());
    log.run(&delivery).await
}

#[tokio::test]
async fn a_worker_has_the_context_and_the_idempotency_key_of_the_delivery() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![look]), file.store().await, &log).context(|_| {
        let mut context = Context::new();
        context.insert("tenant", "a").unwrap();
        context
    });
    let hooks = hooks.build().unwrap();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!(hooks.stats().runs_handled, 1);
}

/// Each event that was fetched is begun once, however slow the runs are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_04_two_sets_of_slow_workers_run_each_event_once() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for n in 0..64 {
        event(EVENT, &format!("hold-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    let both = [8, 5].map(|slots| Working::begin(&hooks, quick().concurrency(slots)));
    for n in 0..64 {
        log.until_begun((n + 13).min(64)).await;
        assert!(stats(&hooks).await.running <= 13);
        log.open(1);
    }
    until_idle(&hooks).await;
    let mut begun: Vec<_> = log.begun().into_iter().map(|(id, _)| id).collect();
    begun.sort();
    begun.dedup();
    assert_eq!((begun.len(), log.begun().len()), (64, 64));
    drop(both);
}

/// The gauges, the list and the state of the record.
#[tokio::test]
async fn what_waits_can_be_seen() {
    let file = inbox_file!();
    let log = RunLog::default();
    let store = file.store().await;
    let hooks = accepting(Hooks::builder(router![handle]), store.clone(), &log);
    let hooks = hooks.build().unwrap();
    for n in 0..5 {
        event(EVENT, &format!("good-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    event("crm.lead.created", "lead")
        .call(&hooks)
        .await
        .assert_accepted();
    hooks.inbox().pause("crm.*").await.unwrap();
    let stats = stats(&hooks).await;
    assert_eq!((stats.waiting, stats.running, stats.paused.len()), (6, 0, 1));
    assert!(stats.oldest >= stats.oldest_due && stats.oldest_due.is_some());
    let names: Vec<_> = stats
        .events
        .iter()
        .map(|of| (of.event_type.as_str(), of.waiting))
        .collect();
    assert_eq!(names, [("crm.lead.created", 1), (EVENT, 5)]);
    let snapshot = hooks.snapshot().await;
    assert_eq!(
        (snapshot.inbox_waiting, snapshot.inbox_pauses),
        (Some(6), Some(1))
    );
    assert!(snapshot.inbox_oldest_seconds.is_some());
    assert!(snapshot.inbox_due_seconds.is_some());
    assert_eq!(snapshot.working, 0);

    let filter = LetterFilter::new().event_type(EVENT);
    let mut listed = Vec::new();
    let mut before = None;
    loop {
        let page = hooks.inbox().list(&filter, before, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.cursor);
        listed.extend(page);
    }
    let ids: Vec<_> = listed.iter().map(|waiting| waiting.event_id.as_str()).collect();
    assert_eq!(ids, ["good-4", "good-3", "good-2", "good-1", "good-0"]);
    let status = store.status(listed[0].record).await.unwrap();
    assert!(matches!(status.state, RecordState::Waiting { .. }) && status.kept);
    assert!(!format!("{listed:?}").contains("payload"));
}
