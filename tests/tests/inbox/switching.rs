//! From the inline mode to an inbox and back.

use crate::world::{DurableStore, EVENT, RunLog, Working, accepting, handle, inbox_file, quick, until_idle};
use apideck_hooks::store::{RecordState, Store};
use apideck_hooks::{Hooks, Rest, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::spy::Spy;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn inline(store: Arc<DurableStore>, log: &RunLog) -> Hooks {
    let hooks = patient(Hooks::builder(router![handle]).state(log.clone()))
        .secret(SECRET)
        .rest(Rest::Apideck)
        .store(store);
    hooks.duplicate_wait(Duration::from_millis(10)).build().unwrap()
}

fn with_inbox(store: Arc<DurableStore>, log: &RunLog) -> Hooks {
    accepting(Hooks::builder(router![handle]), store, log)
        .build()
        .unwrap()
}

/// Both modes at once on one store, as during a rolling change.
fn both(store: &Arc<DurableStore>, log: &RunLog) -> (Hooks, Hooks) {
    let inbox = accepting(Hooks::builder(router![handle]), store.clone(), log);
    let inbox = inbox.duplicate_wait(Duration::from_millis(10)).build().unwrap();
    // A store of its own for each receiver, as in processes of their own.
    let spy = Spy::over(store.clone());
    let inline = patient(Hooks::builder(router![handle]).state(log.clone()))
        .secret(SECRET)
        .store(spy);
    let inline = inline.duplicate_wait(Duration::from_millis(10)).build().unwrap();
    (inbox, inline)
}

#[tokio::test]
async fn inbox_22_an_inline_receiver_answers_accepted_and_one_line_drains_the_inbox() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for id in ["one", "two"] {
        event(EVENT, id).call(&hooks).await.assert_accepted();
    }
    drop(hooks);
    let hooks = inline(file.store().await, &log);
    event(EVENT, "one").call(&hooks).await.assert_accepted();
    event(EVENT, "three").call(&hooks).await.assert_handled();
    assert_eq!(log.begun().len(), 1);
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    event(EVENT, "one").call(&hooks).await.assert_duplicate();
    assert_eq!(log.begun().len(), 3);
}

/// An event that failed inline keeps its rest, and its attempts begin anew.
#[tokio::test]
async fn inbox_22_an_event_that_failed_inline_is_accepted() {
    let file = inbox_file!();
    let log = RunLog::default();
    let store = file.store().await;
    let hooks = inline(store.clone(), &log);
    event(EVENT, "flaky").call(&hooks).await.assert_failed();
    drop(hooks);
    let hooks = with_inbox(store.clone(), &log);
    event(EVENT, "flaky").call(&hooks).await.assert_accepted();
    let record = hooks
        .inbox()
        .list(&Default::default(), None, 1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(record.attempts, 0);
    let status = store.status(record.record).await.unwrap();
    let RecordState::Waiting { left } = status.state else {
        panic!("{status:?}")
    };
    assert!(left > Duration::from_secs(1));
    let _workers = Working::begin(&hooks, quick());
    hooks.end_rest(record.record).await.unwrap();
    until_idle(&hooks).await;
    // Its first attempt as an accepted event fails as the first one did.
    assert_eq!(log.count("flaky"), 3);
}

#[tokio::test]
async fn inbox_22_an_event_that_runs_inline_is_not_accepted_before_it_fails() {
    let file = inbox_file!();
    let log = RunLog::default();
    let (inbox, inline) = both(&file.store().await, &log);
    let delivery = event(EVENT, "hold");
    let running = tokio::spawn(delivery.call(&inline));
    log.until_begun(1).await;
    let answer = delivery.call(&inbox).await;
    assert!(answer.code() == 503 && answer.retry_after().is_some(), "{answer}");
    log.open(1);
    running.await.unwrap().assert_handled();
    delivery.call(&inbox).await.assert_duplicate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_22_receivers_of_both_modes_lose_and_repeat_nothing() {
    const EVENTS: usize = 200;
    let file = inbox_file!();
    let log = RunLog::default();
    let (inbox, inline) = both(&file.store().await, &log);
    let _workers = Working::begin(&inbox, quick());
    let senders = (0..8).map(|sender| {
        let (inbox, inline) = (inbox.clone(), inline.clone());
        tokio::spawn(async move {
            for n in (sender..EVENTS).step_by(8) {
                let delivery = event(EVENT, &format!("good-{n}"));
                // The deliveries of an event reach receivers of both modes, in either order.
                for turn in 0..3 {
                    let hooks = if (n + turn).is_multiple_of(2) {
                        &inbox
                    } else {
                        &inline
                    };
                    while delivery.call(hooks).await.code() != 200 {
                        sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    until_idle(&inbox).await;
    let mut ids: Vec<_> = log.begun().into_iter().map(|(id, _)| id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), log.begun().len()), (EVENTS, EVENTS));
}
