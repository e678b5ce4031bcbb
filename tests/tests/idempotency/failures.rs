//! Runs that fail.

use super::{EVENT, RELEASED, rest, secs, state};
use apideck_hooks::store::{Claim, RecordState, Store};
use apideck_hooks::testing::Answer;
use apideck_hooks::{Delivery, Hooks, Rest, State, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::time::{Instant, sleep};

fn words(replies: &[Answer]) -> Vec<String> {
    replies.iter().map(Told::outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn case_11_an_error_releases_the_record_and_the_next_delivery_is_attempt_2() {
    let (probe, spy) = (Probe::new([Step::Fail]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    let failed = delivery.call(&hooks).await;
    failed.assert_failed().assert_error("secret-reason");
    assert!(!String::from_utf8_lossy(failed.body()).contains("secret-reason"));
    assert_eq!(state(&spy).await, (RELEASED, 1));
    let first = spy.last_status().await.token;
    rest().await;
    delivery.call(&hooks).await.assert_handled();
    assert_eq!(state(&spy).await, (RecordState::Done, 2));
    assert!(spy.last_status().await.token > first);
    assert_eq!(
        probe.runs().iter().map(|run| run.attempt).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_set_the_time_of_the_retry() {
    let probe = Probe::new([Step::FailUntil(secs(25)), Step::FailUntil(secs(3600))]);
    let hooks = probe.hooks().build().unwrap();
    for seconds in [25, 60] {
        rest().await;
        let reply = event(EVENT, "e1").call(&hooks).await;
        assert_eq!((reply.code(), reply.retry_after()), (503, Some(seconds)));
    }
}

#[tokio::test(start_paused = true)]
async fn case_12_a_panic_is_only_a_failure() {
    let (probe, spy) = (Probe::new([Step::Panic]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_status(500);
    assert_eq!(state(&spy).await, (RELEASED, 1));
    rest().await;
    delivery.call(&hooks).await.assert_handled();
    assert_eq!((probe.count(), hooks.stats().panics), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_handler_is_stopped_and_its_record_is_released() {
    let (probe, spy) = (Probe::new([Step::Gate(Box::new(Step::Succeed))]), Spy::default());
    let hooks = probe
        .hooks()
        .store(spy.clone())
        .handler_timeout(secs(10))
        .build()
        .unwrap();
    let start = Instant::now();
    event(EVENT, "e1").call(&hooks).await.assert_status(500);
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(state(&spy).await, (RELEASED, 1));
    assert_eq!(hooks.stats().timeouts, 1);
}

/// Without dead letters a `2xx` would be a lie, because the event would be lost.
#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_422_without_dead_letters_and_200_with_them() {
    for (durable, expected) in [(false, ["422", "422"]), (true, ["dead_lettered", "duplicate"])] {
        let probe = Probe::new([Step::Refuse]);
        let spy = if durable {
            Spy::with_letters()
        } else {
            Spy::default()
        };
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let delivery = event(EVENT, "e1");
        let replies = [delivery.call(&hooks).await, delivery.call(&hooks).await];
        assert_eq!(words(&replies), expected);
        assert_eq!(state(&spy).await, (RecordState::Dead, 1));
        assert_eq!((probe.count(), hooks.stats().dead_letters), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn case_14_an_event_runs_no_more_after_its_last_attempt() {
    let (probe, spy) = (Probe::new([Step::Fail, Step::Panic, Step::Fail]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).max_attempts(3).build().unwrap();
    let delivery = event(EVENT, "e1");
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(delivery.call(&hooks).await);
        rest().await;
    }
    assert_eq!(words(&replies), ["500", "500", "422", "422"]);
    assert_eq!(probe.count(), 3);
    assert_eq!(state(&spy).await, (RecordState::Dead, 3));
}

#[tokio::test(start_paused = true)]
async fn crashed_attempts_count_too() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_handled();
    let record = spy.last_claim().record;
    // The same record in a new store, claimed and abandoned twice.
    let crashed = Spy::default();
    for _ in 0..2 {
        crashed.claim(Claim::new(record, secs(1))).await.unwrap();
        sleep(secs(2)).await;
    }
    let hooks = probe
        .hooks()
        .store(crashed.clone())
        .max_attempts(2)
        .build()
        .unwrap();
    delivery.call(&hooks).await.assert_status(422);
    assert_eq!(probe.count(), 1);
    // The claim that dead-lettered it began no run.
    assert_eq!(state(&crashed).await, (RecordState::Dead, 2));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_could_not_be_dead_lettered_is_not_acknowledged() {
    let (probe, spy) = (Probe::new([Step::Refuse, Step::Refuse]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).fail_open(true).build().unwrap();
    spy.fail_finishes(usize::MAX);
    event(EVENT, "e1").call(&hooks).await.assert_status(503);
    spy.fail_claims(true);
    event(EVENT, "e2").call(&hooks).await.assert_status(422);
}

/// Panics when it is dropped, which a handler's time-out does.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[on("*")]
async fn explodes_when_it_is_stopped(delivery: Delivery, State(attempts): State<Arc<Mutex<Vec<u32>>>>) {
    attempts.lock().unwrap().push(delivery.attempt());
    let _bomb = Bomb;
    pending().await
}

/// Nothing but the guard ends such a run. It counts as interrupted, so it does not go on for ever.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_in_the_middle_is_interrupted() {
    let attempts = Arc::<Mutex<Vec<u32>>>::default();
    let hooks = Hooks::builder(router![explodes_when_it_is_stopped])
        .secret(SECRET)
        .state(Arc::clone(&attempts))
        .handler_timeout(secs(1))
        .rest(Rest::None)
        .build()
        .unwrap();
    for _ in 0..5 {
        event(EVENT, "e1").call(&hooks).await.assert_failed();
    }
    assert_eq!(*attempts.lock().unwrap(), [1, 1, 1, 1, 2]);
}
