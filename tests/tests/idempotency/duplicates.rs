//! Duplicates of a running event, and runs that outlast their response.

use super::{EVENT, secs};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_08_a_thousand_concurrent_deliveries_are_one_run() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    // Generous, because this test takes real time.
    let long = secs(600);
    let hooks = probe
        .hooks()
        .duplicate_wait(long)
        .response_deadline(long)
        .build()
        .unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let (hooks, delivery) = (hooks.clone(), delivery.clone());
            tokio::spawn(async move { delivery.call(&hooks).await })
        })
        .collect();
    probe.started().await;
    assert!(
        calls.iter().all(|call| !call.is_finished()),
        "a response before the finish"
    );
    probe.open();
    for call in calls {
        let reply = call.await.unwrap();
        assert!(reply.status == 200 || (reply.status == 503 && reply.retry_after().is_some()));
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_09_a_duplicate_waits_and_gets_the_outcome_of_the_run() {
    for (step, expected) in [(Step::Succeed, 200), (Step::Fail, 500)] {
        let probe = Probe::new([Step::Sleep(secs(3), Box::new(step))]);
        let hooks = probe.hooks().build().unwrap();
        let delivery = Delivery::event(EVENT, "e1");
        let start = Instant::now();
        let (first, second) = tokio::join!(delivery.call(&hooks), async {
            sleep(secs(1)).await;
            delivery.call(&hooks).await
        });
        assert_eq!((first.status, second.status), (expected, expected));
        assert_eq!(start.elapsed().as_secs(), 3);
        assert_eq!(probe.count(), 1);
        let next = delivery.call(&hooks).await;
        if expected == 200 {
            assert_eq!(next.word(), "duplicate");
        } else {
            assert_eq!(next.word(), "handled");
            assert_eq!(probe.runs()[1].attempt, 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_10_a_duplicate_is_503_after_its_wait_and_later_200() {
    let probe = Probe::new([Step::Sleep(secs(20), Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let start = Instant::now();
    let (first, second, third) = tokio::join!(
        delivery.call(&hooks),
        async {
            sleep(secs(1)).await;
            let reply = delivery.call(&hooks).await;
            (reply, start.elapsed().as_secs())
        },
        async {
            sleep(secs(21)).await;
            delivery.call(&hooks).await
        },
    );
    assert_eq!(first.word(), "handled");
    let (second, at) = second;
    assert_eq!((second.status, at), (503, 6));
    assert!((1..=60).contains(&second.retry_after().unwrap()));
    assert_eq!(third.word(), "duplicate");
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_continues_after_the_response_deadline() {
    let probe = Probe::new([Step::Sleep(secs(70), Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let start = Instant::now();
    let late = delivery.call(&hooks).await;
    assert_eq!((late.status, start.elapsed().as_secs()), (503, 50));
    assert_eq!(late.retry_after(), Some(30));
    probe.ended().await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(delivery.call(&hooks).await.word(), "duplicate");
    assert_eq!((probe.count(), hooks.stats().late), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_event_is_acknowledged_and_remembered() {
    let probe = Probe::new([Step::Ignore]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.word(), "ignored");
    assert_eq!(delivery.call(&hooks).await.word(), "duplicate");
    assert_eq!(probe.count(), 1);
}
