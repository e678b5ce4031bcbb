//! Apideck's last delivery of an event.

use super::{EVENT, delivery_number, rest, secs, state};
use apideck_hooks::Disposition;
use apideck_hooks::store::{LetterFilter, RecordState};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::stranger::StrangerStore;
use std::sync::Arc;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn case_33_a_last_delivery_that_fails_is_a_dead_letter() {
    for number in [9, 10, 20] {
        for step in [Step::Fail, Step::Panic, Step::FailUntil(secs(60)), Step::Refuse] {
            let (probe, spy) = (Probe::new([step]), Spy::with_letters());
            let hooks = probe.hooks().store(spy.clone()).build().unwrap();
            let delivery = delivery_number("e1", number);
            delivery.call(&hooks).await.assert_dead_lettered();
            delivery.call(&hooks).await.assert_duplicate();
            let letters = hooks.dead_letters().unwrap();
            let listed = letters.list(&LetterFilter::new(), None, 10).await.unwrap();
            assert!(listed[0].letter.error.contains("secret-reason"), "{listed:?}");
            assert_eq!(state(&spy).await, (RecordState::Dead, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_33_counts_that_are_not_apidecks_are_no_last_delivery() {
    for number in [1, 8, 21, u32::MAX] {
        let probe = Probe::new([Step::Fail]);
        let hooks = probe.hooks().store(Spy::with_letters()).build().unwrap();
        delivery_number("e1", number)
            .call(&hooks)
            .await
            .assert_status(500);
    }
}

#[tokio::test(start_paused = true)]
async fn case_33_a_last_delivery_that_succeeds_leaves_no_letter() {
    let (probe, spy) = (Probe::default(), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    delivery_number("e1", 9).call(&hooks).await.assert_handled();
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.count(&LetterFilter::new()).await.unwrap(), 0);
    assert_eq!(state(&spy).await, (RecordState::Done, 1));
}

#[tokio::test(start_paused = true)]
async fn case_33_a_last_delivery_that_comes_in_a_rest_is_a_dead_letter() {
    let (probe, spy) = (Probe::new([Step::FailUntil(secs(4 * 3600))]), Spy::with_letters());
    let hooks = probe
        .hooks()
        .store(spy.clone())
        .max_retry_after(secs(4 * 3600))
        .build()
        .unwrap();
    delivery_number("e1", 8).call(&hooks).await.assert_status(503);
    // A captured body that comes too early to be Apideck's.
    sleep(secs(60)).await;
    delivery_number("e1", 9).call(&hooks).await.assert_status(503);
    assert_eq!(hooks.stats().resting, 1);
    sleep(secs(3 * 3600)).await;
    delivery_number("e1", 9).call(&hooks).await.assert_dead_lettered();
    delivery_number("e1", 10).call(&hooks).await.assert_duplicate();
    let letters = hooks.dead_letters().unwrap();
    let listed = letters.list(&LetterFilter::new(), None, 10).await.unwrap();
    assert_eq!(probe.count(), 1);
    let replayed = letters.replay(listed[0].record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Handled);
    assert_eq!(state(&spy).await, (RecordState::Done, 2));
}

/// The run beside it dies. Its letter stays.
#[tokio::test(start_paused = true)]
async fn case_33_a_last_delivery_beside_a_run_that_dies_is_a_dead_letter() {
    let long = Step::Sleep(secs(4 * 3600), Box::new(Step::Fail));
    let (probe, spy) = (Probe::new([long]), Spy::with_letters());
    let hooks = probe
        .hooks()
        .store(spy.clone())
        .handler_timeout(secs(5 * 3600))
        .build()
        .unwrap();
    delivery_number("e1", 8).call(&hooks).await.assert_status(503);
    sleep(secs(3 * 3600)).await;
    delivery_number("e1", 9).call(&hooks).await.assert_dead_lettered();
    delivery_number("e1", 9).call(&hooks).await.assert_duplicate();
    // Its end is lost, as in a crash.
    spy.fail_renewals(true);
    spy.fail_finishes(usize::MAX);
    rest().await;
    assert_eq!(state(&spy).await.0, RecordState::Dead);
    delivery_number("e1", 10).call(&hooks).await.assert_duplicate();
}

#[tokio::test(start_paused = true)]
async fn case_33_a_last_delivery_that_outlasts_its_response_is_acknowledged() {
    let long = Step::Sleep(secs(70), Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([long]), Spy::with_letters());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    delivery_number("e1", 9).call(&hooks).await.assert_dead_lettered();
    probe.ended().await;
    sleep(secs(1)).await;
    assert_eq!(state(&spy).await, (RecordState::Done, 1));
}

/// Where letters are full, a last delivery runs without one.
#[tokio::test(start_paused = true)]
async fn case_33_case_39_without_room_a_last_delivery_runs_without_a_letter() {
    let store = Arc::new(StrangerStore::default());
    store.set_letters_full(true);
    let probe = Probe::new([Step::Fail]);
    let hooks = probe.hooks().store(Arc::clone(&store)).build().unwrap();
    delivery_number("e1", 9).call(&hooks).await.assert_status(500);
    rest().await;
    delivery_number("e1", 10).call(&hooks).await.assert_handled();
}

#[tokio::test(start_paused = true)]
async fn case_33_a_refused_last_delivery_is_counted() {
    let (probe, spy) = (
        Probe::new([Step::Gate(Box::new(Step::Succeed))]),
        Spy::with_letters(),
    );
    let hooks = probe.hooks().store(spy.clone()).max_in_flight(1).build().unwrap();
    let first = event(EVENT, "e1");
    let (first, ()) = tokio::join!(first.call(&hooks), async {
        probe.started().await;
        delivery_number("e2", 8).call(&hooks).await.assert_status(503);
        assert_eq!(hooks.stats().last_refused, 0);
        delivery_number("e2", 9).call(&hooks).await.assert_status(503);
        assert_eq!(hooks.stats().last_refused, 1);
        probe.open();
    });
    first.assert_handled();
    spy.fail_claims(true);
    delivery_number("e2", 9).call(&hooks).await.assert_status(503);
    assert_eq!(hooks.stats().last_refused, 2);
}

/// Its letter is kept, so a refusal would only let Apideck disable the subscription.
#[tokio::test(start_paused = true)]
async fn case_33_a_last_delivery_that_a_shutdown_stops_is_acknowledged() {
    let (probe, spy) = (
        Probe::new([Step::Gate(Box::new(Step::Succeed))]),
        Spy::with_letters(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let last = delivery_number("e1", 9);
    let (reply, _) = tokio::join!(last.call(&hooks), async {
        probe.started().await;
        hooks.shutdown(secs(1)).await
    });
    reply.assert_dead_lettered();
    assert_eq!(state(&spy).await, (RecordState::Dead, 0));
}
