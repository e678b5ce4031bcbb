//! Shutdowns of workers.

use crate::world::{
    EVENT, Entry, RunLog, Working, accepting, handle, inbox_file, inbox_of, quick, stats, until_idle,
};
use apideck_hooks::{Drained, Hooks, router};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::waiting::{GENEROUS, until};
use std::time::Duration;

#[tokio::test]
async fn inbox_13_a_shutdown_refuses_and_lets_running_handlers_end() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for n in 0..5 {
        event(EVENT, &format!("hold-{n}"))
            .call(&hooks)
            .await
            .assert_accepted();
    }
    let workers = Working::begin(&hooks, quick().concurrency(3));
    log.until_begun(3).await;
    let shutdown = tokio::spawn({
        let hooks = hooks.clone();
        async move { hooks.shutdown(GENEROUS).await }
    });
    until("it has begun", async || !hooks.is_ready()).await;
    assert_eq!(event(EVENT, "more").call(&hooks).await.code(), 503);
    log.open(5);
    assert_eq!(shutdown.await.unwrap().stopped, 0);
    workers.end().await;
    // What has not begun waits without an attempt.
    assert_eq!(log.begun().len(), 3);
    let left = stats(&hooks).await;
    assert_eq!((left.waiting, left.running), (2, 0));
    assert_eq!(
        file.number("SELECT sum(attempts) FROM apideck_hooks_records WHERE body IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test]
async fn inbox_13_what_runs_at_the_end_of_the_grace_period_is_no_attempt() {
    let file = inbox_file!();
    let log = RunLog::default();
    for _ in 0..2 {
        let hooks = file.hooks(&log).await;
        event(EVENT, "hold").call(&hooks).await.assert_accepted();
        let begun = log.begun().len();
        let workers = Working::begin(&hooks, quick());
        log.until_begun(begun + 1).await;
        let Drained { stopped, .. } = hooks.shutdown(Duration::ZERO).await;
        assert_eq!(stopped, 1);
        workers.end().await;
        assert_eq!(file.number("SELECT attempts FROM apideck_hooks_records").await, 0);
    }
    let hooks = file.hooks(&log).await;
    log.open(1);
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!(log.begun(), [(); 3].map(|()| ("hold".to_owned(), 1)));
}

/// A process of workers needs no secret, and has no service.
#[tokio::test]
async fn workers_without_a_receiver_need_no_secret() {
    let file = inbox_file!();
    let log = RunLog::default();
    let store = file.store().await;
    let hooks = accepting(Hooks::builder(router![handle]), store.clone(), &log);
    let hooks = hooks.build().unwrap();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    drop(hooks);
    let workers = Hooks::builder(router![handle]).state(log.clone()).source("tests");
    let workers = workers.inbox(inbox_of(store)).workers(quick());
    let workers = tokio::spawn(workers);
    log.until_begun(1).await;
    workers.abort();
}

/// Dropped workers give their claims back.
#[tokio::test]
async fn dropped_workers_leave_nothing_running() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    event(EVENT, "hold").call(&hooks).await.assert_accepted();
    let workers = Working::begin(&hooks, quick());
    log.until_begun(1).await;
    drop(workers);
    until("it waits again", async || stats(&hooks).await.waiting == 1).await;
    log.open(1);
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    let ended = log
        .entries()
        .iter()
        .filter(|entry| matches!(entry, Entry::Ended(..)))
        .count();
    assert_eq!((log.begun().len(), ended), (2, 1));
}
