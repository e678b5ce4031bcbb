//! Retries of accepted events.

use crate::world::{EVENT, RunLog, Working, accepting, inbox_file, quick, stats, until_idle};
use apideck_hooks::store::LetterFilter;
use apideck_hooks::{Delivery, Failure, Hooks, Outcome, Retry, Workers, on, router};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::size::sized;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::time::Duration;

#[tokio::test]
async fn a_failed_event_runs_again_until_it_succeeds_or_is_dead() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for id in ["flaky", "fail", "bad", "panic", "good"] {
        event(EVENT, id).call(&hooks).await.assert_accepted();
    }
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    let counts = ["flaky", "fail", "bad", "panic", "good"].map(|id| log.count(id));
    assert_eq!(counts, [2, 5, 1, 5, 1]);
    let letters = hooks
        .dead_letters()
        .unwrap()
        .list(&LetterFilter::new(), None, 10)
        .await
        .unwrap();
    let mut dead: Vec<_> = letters
        .iter()
        .map(|dead| {
            (
                dead.letter.event_id.as_str(),
                dead.attempts,
                dead.letter.error.as_str(),
            )
        })
        .collect();
    dead.sort();
    assert_eq!(
        dead,
        [
            ("bad", 1, "it is bad"),
            ("fail", 5, "it fails"),
            ("panic", 5, "the handler panicked: it panics"),
        ]
    );
}

/// The retries are kept in the file, so they survive a restart.
#[tokio::test]
async fn a_retry_waits_through_a_restart() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    event(EVENT, "flaky").call(&hooks).await.assert_accepted();
    let slow = Retry::exponential(Duration::from_secs(100_000));
    let workers = Working::begin(&hooks, quick().retry(slow));
    log.until_begun(1).await;
    until("the run has ended", async || stats(&hooks).await.waiting == 1).await;
    drop(workers);
    drop(hooks);

    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, quick());
    let left = hooks
        .inbox()
        .list(&LetterFilter::new(), None, 1)
        .await
        .unwrap()
        .remove(0);
    assert!(
        left.attempts == 1 && left.due_in > Duration::from_secs(1),
        "{left:?}"
    );
    // It is not due, and an operator can end its rest.
    assert!(hooks.end_rest(left.record).await.unwrap());
    until_idle(&hooks).await;
    assert_eq!(log.begun().len(), 2);
}

#[on("*")]
async fn later(delivery: Delivery) -> Outcome {
    match delivery.attempt() {
        1 => Failure::retry_after(Duration::from_secs(1000), "later").into(),
        _ => Outcome::Done,
    }
}

#[tokio::test]
async fn a_handler_that_says_when_is_run_then() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = accepting(Hooks::builder(router![later]), file.store().await, &log);
    let hooks = hooks.build().unwrap();
    event(EVENT, "one").call(&hooks).await.assert_accepted();
    let _workers = Working::begin(&hooks, quick());
    until("the run has ended", async || hooks.stats().runs_failed == 1).await;
    let due = stats(&hooks).await;
    assert_eq!((due.waiting, due.oldest_due), (1, None));
    let rest = "SELECT rest_length FROM apideck_hooks_records";
    assert_eq!(file.number(rest).await, 1_000_000_000);
}

#[tokio::test]
async fn a_failure_after_the_time_for_retries_is_dead() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for id in ["fail", "flaky"] {
        event(EVENT, id).call(&hooks).await.assert_accepted();
    }
    let never = Retry::exponential(Duration::ZERO).within(Duration::ZERO);
    let _workers = Working::begin(&hooks, Workers::new().retry(never));
    until_idle(&hooks).await;
    assert_eq!(log.begun().len(), 2);
    assert_eq!(hooks.stats().dead_letters, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_14_many_failures_at_once_are_spread() {
    let number = sized(1000);
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    let events: Vec<_> = (0..number).map(|n| event(EVENT, &format!("fail-{n}"))).collect();
    // Fewer at once than a receiver takes.
    for events in events.chunks(500) {
        for answer in join_all(events.iter().map(|event| event.call(&hooks))).await {
            answer.assert_accepted();
        }
    }
    // Longer than the test, so that each event runs once.
    let hour = Duration::from_secs(3600);
    let workers = Workers::new()
        .concurrency(64)
        .retry(Retry::exponential(10 * hour));
    let workers = Working::begin(&hooks, workers);
    until("all have failed or run again", async || {
        hooks.stats().runs_failed >= number as u64
    })
    .await;
    drop(workers);
    for tenth in 0..10_i64 {
        let count = file
            .number(&format!(
                "SELECT count(*) FROM apideck_hooks_records WHERE rest_length / 3600000000 = {tenth}"
            ))
            .await;
        assert!(
            (number / 20..number * 3 / 20).contains(&(count as usize)),
            "{count} wait for hour {tenth}"
        );
    }
}
