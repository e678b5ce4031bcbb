//! The rest of an event after a run that failed or did not end.

use super::{EVENT, delivery_number, rest, secs, state};
use apideck_hooks::Rest;
use apideck_hooks::store::RecordState;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn case_14_replays_within_a_rest_run_nothing() {
    let (probe, spy) = (Probe::new([Step::Fail, Step::Fail]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_status(500);
    for _ in 0..20 {
        let reply = delivery.call(&hooks).await;
        assert_eq!((reply.code(), reply.retry_after()), (503, Some(60)));
        assert_eq!(
            reply.json().unwrap()["detail"],
            "the last run failed, and the event rests for 96 more seconds"
        );
    }
    assert_eq!((probe.count(), hooks.stats().resting), (1, 20));
    sleep(secs(95)).await;
    assert_eq!(delivery.call(&hooks).await.retry_after(), Some(1));
    sleep(secs(1)).await;
    delivery.call(&hooks).await.assert_status(500);
    assert_eq!(state(&spy).await.1, 2);
}

/// Apideck's documents can be read in two ways. Its retries meet no rest in either.
#[tokio::test(start_paused = true)]
async fn case_14_apidecks_own_retries_meet_no_rest() {
    let minutes = |minutes: &[u64]| minutes.iter().map(|minutes| minutes * 60).collect::<Vec<_>>();
    // As pauses, and as offsets from the first delivery.
    for pauses in [
        minutes(&[3, 5, 10, 30, 60, 120, 240]),
        minutes(&[3, 2, 5, 20, 30, 60, 120]),
    ] {
        let probe = Probe::new(std::iter::repeat_n(Step::Fail, 7));
        let hooks = probe.hooks().build().unwrap();
        for (number, pause) in (1..).zip(&pauses) {
            let reply = delivery_number("e1", number).call(&hooks).await;
            assert_eq!(reply.code(), 500, "delivery {number}");
            sleep(secs(*pause)).await;
        }
        delivery_number("e1", 8).call(&hooks).await.assert_handled();
        assert_eq!(hooks.stats().resting, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn case_32_replays_meanwhile_run_nothing_until_the_rest_is_ended() {
    let (probe, spy) = (Probe::new([Step::FailUntil(secs(3600))]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.retry_after(), Some(60));
    for _ in 0..8 {
        sleep(secs(400)).await;
        delivery.call(&hooks).await.assert_status(503);
    }
    assert_eq!((probe.count(), state(&spy).await.1), (1, 1));
    let record = spy.last_claim().record;
    assert!(hooks.end_rest(record).await.unwrap());
    assert!(!hooks.end_rest(record).await.unwrap());
    delivery.call(&hooks).await.assert_handled();
    assert!(!hooks.end_rest(record).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_ask_for_a_rest_up_to_its_limit() {
    let probe = Probe::new([Step::FailUntil(secs(100_000))]);
    let hooks = probe.hooks().max_retry_after(secs(7200)).build().unwrap();
    let delivery = event(EVENT, "e1");
    let start = Instant::now();
    delivery.call(&hooks).await.assert_status(503);
    while delivery.call(&hooks).await.code() == 503 {
        sleep(secs(60)).await;
    }
    assert_eq!(start.elapsed(), secs(7200));
}

#[tokio::test(start_paused = true)]
async fn without_rests_the_next_delivery_runs_at_once() {
    let probe = Probe::new([Step::Fail, Step::Fail]);
    let hooks = probe.hooks().rest(Rest::None).build().unwrap();
    let delivery = event(EVENT, "e1");
    for status in [500, 500, 200] {
        delivery.call(&hooks).await.assert_status(status);
    }
}

/// A run that recorded no end may have failed.
#[tokio::test(start_paused = true)]
async fn a_run_without_an_end_rests_too() {
    let probe = Probe::new([Step::Fail]);
    let spy = Spy::default();
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.fail_finishes(usize::MAX);
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_status(500);
    sleep(secs(31)).await;
    delivery.call(&hooks).await.assert_status(503);
    assert_eq!(hooks.stats().resting, 1);
    spy.fail_finishes(0);
    rest().await;
    delivery.call(&hooks).await.assert_handled();
    assert_eq!(state(&spy).await, (RecordState::Done, 2));
}
