//! An inbox that is full.

use crate::world::{EVENT, RunLog, Working, accepting, handle, inbox_file, quick, stats, until_idle};
use apideck_hooks::testing::Answer;
use apideck_hooks::{Hooks, router};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::waiting::until;
use std::time::Duration;

fn refused(answer: &Answer) {
    assert!(answer.code() == 503 && answer.retry_after().is_some(), "{answer}");
}

/// Sends an event until it is accepted.
async fn until_accepted(hooks: &Hooks, id: &str) {
    until("it is accepted", async || {
        event(EVENT, id).call(hooks).await.code() == 200
    })
    .await;
}

#[tokio::test]
async fn inbox_17_a_full_inbox_refuses_and_accepts_again_below_its_limit() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log).max_waiting(10);
    let hooks = hooks.build().unwrap();
    hooks.inbox().pause("crm.*").await.unwrap();
    for n in 0..10 {
        event("crm.lead.created", &format!("lead-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    for n in 0..100 {
        refused(&event(EVENT, &format!("good-{n}")).call(&hooks).await);
    }
    assert_eq!((hooks.stats().inbox_full, hooks.stats().inbox_closed), (100, 1));
    assert_eq!(stats(&hooks).await.waiting, 10);
    let _workers = Working::begin(&hooks, quick());
    hooks.inbox().resume("crm.*").await.unwrap();
    until_accepted(&hooks, "good").await;
    until_idle(&hooks).await;
    assert_eq!(log.count("good"), 1);
}

#[tokio::test]
async fn inbox_17_an_inbox_that_nobody_empties_refuses() {
    let file = inbox_file!();
    let log = RunLog::default();
    let limit = Duration::from_millis(50);
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log).stalled_after(limit);
    let hooks = hooks.build().unwrap();
    // A pause alone never closes the inbox.
    hooks.inbox().pause("*").await.unwrap();
    event(EVENT, "first").call(&hooks).await.assert_accepted();
    tokio::time::sleep(2 * limit).await;
    for n in 0..3 {
        event(EVENT, &format!("paused-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
        // Longer than the time between two looks.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    hooks.inbox().resume("*").await.unwrap();
    until("the inbox is closed", async || {
        event(EVENT, "more").call(&hooks).await.code() == 503
    })
    .await;
    let _workers = Working::begin(&hooks, quick());
    until_accepted(&hooks, "last").await;
    until_idle(&hooks).await;
}

/// A poison event that is run again and again does not close the inbox.
#[tokio::test]
async fn inbox_17_a_failing_event_and_a_held_lane_are_no_stall() {
    let file = inbox_file!();
    let log = RunLog::default();
    let limit = Duration::from_millis(1);
    let hooks = accepting(Hooks::builder(router![handle]), file.store().await, &log).stalled_after(limit);
    let hooks = hooks.build().unwrap();
    event(EVENT, "fail-1").call(&hooks).await.assert_accepted();
    let workers = Working::begin(
        &hooks,
        quick().retry(apideck_hooks::Retry::exponential(Duration::from_secs(10_000))),
    );
    until("it has failed", async || hooks.stats().runs_failed == 1).await;
    drop(workers);
    // Another event of the same entity, later than the failing head of its lane.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    event(EVENT, "held").call(&hooks).await.assert_accepted();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    event(EVENT, "held-2").call(&hooks).await.assert_accepted();
}

#[tokio::test]
async fn while_the_letters_are_full_nothing_is_accepted_and_what_was_is_dead_lettered() {
    let file = inbox_file!();
    let log = RunLog::default();
    let store = file.store_with_letters(1).await;
    let hooks = accepting(Hooks::builder(router![handle]), store, &log);
    let hooks = hooks.build().unwrap();
    for n in 0..3 {
        event(EVENT, &format!("bad-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.count(&Default::default()).await.unwrap(), 3);
    until("the inbox is closed", async || {
        event(EVENT, "good").call(&hooks).await.code() == 503
    })
    .await;
    assert!(hooks.stats().letters_full > 0);
    for dead in letters.list(&Default::default(), None, 10).await.unwrap() {
        letters.purge(dead.record).await.unwrap();
    }
    until_accepted(&hooks, "good").await;
}
