//! A store that is down or hangs, and lost responses.

use super::{EVENT, RELEASED, secs, state};
use apideck_hooks::store::RecordState;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn case_21_nothing_runs_while_the_store_is_down_unless_it_fails_open() {
    let (probe, spy) = (Probe::default(), Spy::default());
    spy.fail_claims(true);
    let closed = probe.hooks().store(spy.clone()).build().unwrap();
    let reply = event(EVENT, "e1").call(&closed).await;
    assert_eq!((reply.code(), probe.count()), (503, 0));
    assert!(reply.retry_after().is_some());
    drop(closed);
    let open = probe.hooks().store(spy.clone()).fail_open(true).build().unwrap();
    event(EVENT, "e1").call(&open).await.assert_handled();
    assert_eq!((probe.count(), open.stats().failed_open), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn case_22_a_finish_is_retried_while_the_lease_lasts() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.fail_finishes(4);
    event(EVENT, "e1").call(&hooks).await.assert_handled();
    assert_eq!(state(&spy).await, (RecordState::Done, 1));
    assert_eq!((hooks.stats().store_errors, hooks.stats().unrecorded), (4, 0));

    // Another delivery can claim the event after 30 s, so no call comes in the last tenth of them.
    spy.fail_finishes(usize::MAX);
    let start = Instant::now();
    event(EVENT, "e2").call(&hooks).await.assert_handled();
    assert_eq!(hooks.stats().unrecorded, 1);
    assert_eq!(start.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn a_finish_is_retried_under_a_lease_that_was_renewed() {
    let slow = Step::Sleep(secs(40), Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([slow]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.fail_finishes(4);
    event(EVENT, "e1").call(&hooks).await.assert_handled();
    assert_eq!((hooks.stats().store_errors, hooks.stats().unrecorded), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_of_the_store_is_recovered() {
    for (step, word) in [
        (Step::Succeed, "handled"),
        (Step::Fail, "500"),
        (Step::Refuse, "dead_lettered"),
    ] {
        let (probe, spy) = (Probe::new([step]), Spy::with_letters());
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        spy.lose_finish_responses(1);
        assert_eq!(event(EVENT, "e1").call(&hooks).await.outcome(), word);
        assert_eq!(hooks.stats().runs_claim_lost, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_abandoned() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.hang(true);
    let start = Instant::now();
    let reply = event(EVENT, "e1").call(&hooks).await;
    assert_eq!(
        (reply.code(), start.elapsed().as_secs(), probe.count()),
        (503, 5, 0)
    );
    spy.hang(false);
    event(EVENT, "e1").call(&hooks).await.assert_handled();
}

/// Nobody runs the handler of a claim whose answer was lost, so its attempt is taken back.
#[tokio::test(start_paused = true)]
async fn case_28_a_claim_whose_response_was_lost_is_taken_back() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.lose_claim_responses(1);
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_status(503);
    assert!(matches!(state(&spy).await, (RecordState::Running { .. }, 1)));
    sleep(secs(1)).await;
    assert_eq!(state(&spy).await, (RELEASED, 0));
    delivery.call(&hooks).await.assert_handled();
    assert_eq!((probe.runs()[0].attempt, probe.count()), (1, 1));
}

/// The lease ends a claim that cannot be taken back, so the calls end when it does.
#[tokio::test(start_paused = true)]
async fn a_claim_is_taken_back_a_few_times_with_growing_pauses() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.fail_claims(true);
    event(EVENT, "e1").call(&hooks).await.assert_status(503);
    let mut operations = Vec::new();
    for _ in 0..4 {
        operations.push(spy.operations());
        sleep(secs(20)).await;
    }
    // After 0.5, 1, 2, 4, 8 and 16 seconds.
    assert_eq!(operations, [1, 6, 7, 7]);
}
