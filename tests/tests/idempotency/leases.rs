//! Claims that are renewed, and claims that are lost.

use super::{EVENT, secs, state};
use apideck_hooks::Rest;
use apideck_hooks::store::RecordState;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn case_19_a_stalled_owner_cannot_overwrite_its_successor() {
    let (probe, spy) = (
        Probe::new([Step::Sleep(secs(40), Box::new(Step::Fail))]),
        Spy::default(),
    );
    let hooks = probe.hooks().store(spy.clone()).rest(Rest::None).build().unwrap();
    let delivery = event(EVENT, "e1");
    // The first owner cannot renew its lease, as if it had stalled.
    spy.fail_renewals(true);
    let (stalled, successor) = tokio::join!(delivery.call(&hooks), async {
        sleep(secs(31)).await;
        delivery.call(&hooks).await
    });
    successor.assert_handled();
    stalled.assert_duplicate();
    assert_eq!(state(&spy).await, (RecordState::Done, 2));
    assert_eq!((probe.count(), hooks.stats().runs_claim_lost), (2, 1));
}

/// While its successor runs, a stalled owner cannot settle the record, and its delivery is not
/// acknowledged.
#[tokio::test(start_paused = true)]
async fn case_19_a_stale_finish_changes_nothing_while_the_successor_runs() {
    for (step, status) in [(Step::Succeed, 503), (Step::Fail, 503)] {
        let stalled = Step::Sleep(secs(40), Box::new(step));
        let (probe, spy) = (
            Probe::new([stalled, Step::Gate(Box::new(Step::Succeed))]),
            Spy::default(),
        );
        let hooks = probe.hooks().store(spy.clone()).rest(Rest::None).build().unwrap();
        let delivery = event(EVENT, "e1");
        spy.fail_renewals(true);
        let (first, second) = tokio::join!(
            async {
                let reply = delivery.call(&hooks).await;
                assert!(matches!(state(&spy).await, (RecordState::Running { .. }, 2)));
                probe.open();
                reply
            },
            async {
                sleep(secs(31)).await;
                delivery.call(&hooks).await
            }
        );
        assert_eq!((first.code(), second.outcome().as_str()), (status, "handled"));
        assert_eq!(state(&spy).await, (RecordState::Done, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn case_20_a_healthy_handler_five_leases_long_is_one_run() {
    let (probe, spy) = (
        Probe::new([Step::Sleep(secs(150), Box::new(Step::Succeed))]),
        Spy::default(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_status(503);
    for _ in 0..9 {
        delivery.call(&hooks).await.assert_status(503);
        sleep(secs(5)).await;
    }
    probe.ended().await;
    sleep(Duration::from_millis(1)).await;
    delivery.call(&hooks).await.assert_duplicate();
    assert_eq!(probe.count(), 1);
    assert_eq!(state(&spy).await, (RecordState::Done, 1));
}
