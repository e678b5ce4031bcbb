//! Limits of a receiver.

use super::{EVENT, secs};
use apideck_hooks::{Hooks, MemoryStore, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn deliveries_over_max_in_flight_are_503() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().max_in_flight(1).build().unwrap();
    let deliveries = ["e1", "e2"].map(|id| event(EVENT, id));
    let (first, second) = tokio::join!(deliveries[0].call(&hooks), async {
        probe.started().await;
        let second = deliveries[1].call(&hooks).await;
        probe.open();
        second
    });
    assert_eq!([first.outcome(), second.outcome()], ["handled", "503"]);
    assert_eq!(hooks.stats().busy, 1);
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_unbounded() {
    let probe = Probe::new([Step::Sleep(secs(3600), Box::new(Step::Succeed))]);
    let endless = Duration::MAX;
    let store = MemoryStore::builder()
        .capacity(usize::MAX)
        .retention(endless)
        .build();
    let builder = probe
        .hooks()
        .store(store)
        .lease(endless)
        .handler_timeout(endless)
        .response_deadline(endless);
    let builder = builder
        .body_deadline(endless)
        .duplicate_wait(endless)
        .store_timeout(endless);
    let hooks = builder.max_attempts(u32::MAX).build().unwrap();
    let delivery = event(EVENT, "e1");
    let (first, second) = tokio::join!(delivery.call(&hooks), delivery.call(&hooks));
    assert_eq!([first.code(), second.code()], [200, 200]);
    delivery.call(&hooks).await.assert_duplicate();
    assert_eq!((probe.count(), hooks.shutdown(endless).await.stopped), (1, 0));
}

#[tokio::test]
async fn nonsensical_limits_are_refused() {
    let builder = || Hooks::builder(router![..]).secret(SECRET);
    for builder in [
        builder().body_limit(0),
        builder().max_attempts(0),
        builder().max_in_flight(0),
        builder().lease(Duration::from_millis(99)),
        builder().response_deadline(Duration::ZERO),
        builder().source("s".repeat(256)),
    ] {
        let error = builder.build().unwrap_err();
        assert!(error.is_limit(), "{error}");
    }
}
