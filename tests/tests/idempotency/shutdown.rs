//! Shutdowns of the receiver and of its runtime.

use super::{EVENT, RELEASED, rest, secs, state};
use apideck_hooks::store::RecordState;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::time::Duration;
use tokio::time::sleep;

/// A runtime ends in the middle of a run. Its record is released at once.
#[test]
fn case_16_a_runtime_that_ends_releases_its_claims() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (probe, spy) = (Probe::new([Step::Gate(Box::new(Step::Succeed))]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    let first = runtime();
    first.block_on(async {
        let (hooks, delivery) = (hooks.clone(), delivery.clone());
        tokio::spawn(async move { delivery.call(&hooks).await });
        probe.started().await;
    });
    drop(first);
    runtime().block_on(async {
        assert_eq!(state(&spy).await, (RELEASED, 0));
        delivery.call(&hooks).await.assert_handled();
    });
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_settles_running_handlers_and_accepts_no_event() {
    let slow = |secs_| Step::Sleep(secs(secs_), Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([slow(5), slow(600)]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let deliveries = ["e1", "e2", "e3"].map(|id| event(EVENT, id));
    let (first, second, (third, drained)) = tokio::join!(
        deliveries[0].call(&hooks),
        async {
            sleep(secs(1)).await;
            deliveries[1].call(&hooks).await
        },
        async {
            sleep(secs(2)).await;
            let stop = hooks.shutdown(secs(20));
            tokio::join!(
                async {
                    sleep(secs(1)).await;
                    deliveries[2].call(&hooks).await
                },
                stop
            )
        }
    );
    assert_eq!(
        [first.outcome(), second.outcome(), third.outcome()],
        ["handled", "503", "503"]
    );
    assert_eq!(drained.stopped, 1);
    assert_eq!(probe.count(), 2);
    // Released at once, not at the end of its lease.
    assert_eq!(state(&spy).await, (RELEASED, 0));
    assert_eq!(hooks.shutdown(secs(1)).await.stopped, 0);
}

#[tokio::test(start_paused = true)]
async fn no_event_is_accepted_after_a_shutdown() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    assert_eq!(hooks.shutdown(secs(1)).await.stopped, 0);
    let reply = event(EVENT, "e1").call(&hooks).await;
    assert_eq!((reply.code(), probe.count(), hooks.stats().busy), (503, 0, 0));
    assert!(String::from_utf8_lossy(reply.body()).contains("shutting down"));
}

/// Dropping the last handle is not a shutdown.
#[tokio::test(start_paused = true)]
async fn dropping_the_receiver_stops_no_handler() {
    let (probe, spy) = (
        Probe::new([Step::Sleep(secs(100), Box::new(Step::Succeed))]),
        Spy::default(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    event(EVENT, "e1").call(&hooks).await.assert_status(503);
    drop(hooks);
    probe.ended().await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(state(&spy).await, (RecordState::Done, 1));
}

/// A restart is not the handler's fault. An event that ends each of its runs so would run for ever.
#[tokio::test(start_paused = true)]
async fn case_17_three_restarts_leave_the_attempts_and_the_fourth_counts() {
    let gate = || Step::Gate(Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([gate(), gate(), gate(), gate()]), Spy::default());
    for attempts in [0, 0, 0, 1] {
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let delivery = event(EVENT, "e1");
        let (reply, drained) = tokio::join!(delivery.call(&hooks), async {
            probe.started().await;
            hooks.shutdown(secs(1)).await
        });
        assert_eq!((reply.code(), drained.stopped), (503, 1));
        assert_eq!(state(&spy).await, (RELEASED, attempts));
        assert_eq!(hooks.stats().runs_stopped, 1);
    }
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.outcome(), "503", "it rests");
    rest().await;
    delivery.call(&hooks).await.assert_handled();
    assert_eq!(state(&spy).await, (RecordState::Done, 2));
}
