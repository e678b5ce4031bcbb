//! Duplicates of a running event, and runs that outlast their response.

use super::{EVENT, rest, secs};
use apideck_hooks::MemoryStore;
use apideck_hooks::store::{Claim, End, Grant, Held, Store, Verdict};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::sync::Arc;
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
    let delivery = event(EVENT, "e1");
    let (answered, mut replies) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..1000 {
        let (hooks, delivery, answered) = (hooks.clone(), delivery.clone(), answered.clone());
        tokio::spawn(async move { answered.send(delivery.call(&hooks).await) });
    }
    probe.started().await;
    // All but the owner and the eight waiters of its record, before the end of the run.
    for _ in 0..991 {
        let reply = replies.recv().await.unwrap();
        assert!(reply.code() == 503 && reply.retry_after().is_some());
    }
    probe.open();
    for _ in 0..9 {
        replies.recv().await.unwrap().assert_handled();
    }
    assert_eq!(probe.count(), 1);
}

/// Waiters hold no permit of `max_in_flight`, and one of them looks at the store for all.
#[tokio::test(start_paused = true)]
async fn case_08_copies_of_a_running_delivery_hold_up_no_other_event() {
    let probe = Probe::new([Step::Sleep(secs(4), Box::new(Step::Succeed))]);
    let spy = Spy::default();
    let hooks = probe
        .hooks()
        .store(spy.clone())
        .max_in_flight(20)
        .build()
        .unwrap();
    let copies = futures_util::future::join_all((0..110).map(async |_| {
        sleep(secs(1)).await;
        event(EVENT, "e1").call(&hooks).await.code()
    }));
    let others = futures_util::future::join_all((0..20).map(async |n| {
        sleep(secs(2)).await;
        event(EVENT, &format!("other-{n}")).call(&hooks).await.outcome()
    }));
    let first = event(EVENT, "e1");
    let (first, copies, others) = tokio::join!(first.call(&hooks), copies, others);
    first.assert_handled();
    assert_eq!(copies.iter().filter(|status| **status == 200).count(), 8);
    assert!(others.iter().all(|word| word == "handled"), "{others:?}");
    // A claim of each delivery, an end of each run, a renewal none: no look at the store, because
    // the owner is in this process.
    assert_eq!(spy.operations(), 1 + 110 + 20 + 21);
}

/// A duplicate in another process looks at the store, one of them for all.
#[tokio::test(start_paused = true)]
async fn waiters_in_another_process_share_one_look_at_the_store() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (owner, other) = (Spy::over(Arc::clone(&store)), Spy::over(store));
    let probe = Probe::new([Step::Sleep(secs(4), Box::new(Step::Succeed))]);
    let hooks = [owner, other.clone()].map(|spy| probe.hooks().store(spy).build().unwrap());
    let delivery = event(EVENT, "e1");
    let copies = futures_util::future::join_all((0..8).map(async |_| {
        sleep(secs(1)).await;
        delivery.call(&hooks[1]).await.outcome()
    }));
    let (first, copies) = tokio::join!(delivery.call(&hooks[0]), copies);
    first.assert_handled();
    assert!(copies.iter().all(|word| word == "duplicate"), "{copies:?}");
    // Eight claims, and a look every half second for three seconds.
    assert!(
        (8..=8 + 8).contains(&other.operations()),
        "{}",
        other.operations()
    );
    assert_eq!(probe.count(), 1);
}

/// A claim whose answer was lost is taken back by another claim, which looks like a run meanwhile.
#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_run_elsewhere_is_told_if_it_failed_or_was_withdrawn() {
    let rest = secs(0);
    for (end, code) in [(End::Withdraw, 503), (End::Release { rest }, 500)] {
        let probe = Probe::default();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let spy = Spy::default();
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let delivery = event(EVENT, "e1");
        delivery.call(&hooks).await.assert_handled();
        let record = spy.last_claim().record;
        let hooks = probe.hooks().store(Spy::over(store.clone())).build().unwrap();
        let claim = Claim::new(record, secs(60));
        let claimed = store.claim(claim.clone()).await.unwrap();
        let Verdict::Granted { token, .. } = claimed.verdict else {
            panic!("{claimed:?}")
        };
        let (reply, held) = tokio::join!(delivery.call(&hooks), async {
            sleep(secs(1)).await;
            let grant = Grant::new(record, token, claim.id);
            store.finish(grant, end).await
        });
        assert_eq!(held.unwrap(), Held::Yes);
        assert_eq!((reply.code(), probe.count()), (code, 1));
        assert_eq!(reply.retry_after().is_some(), code == 503);
        delivery.call(&hooks).await.assert_handled();
    }
}

#[tokio::test(start_paused = true)]
async fn case_09_a_duplicate_waits_and_gets_the_outcome_of_the_run() {
    for (step, expected) in [(Step::Succeed, 200), (Step::Fail, 500)] {
        let probe = Probe::new([Step::Sleep(secs(3), Box::new(step))]);
        let hooks = probe.hooks().build().unwrap();
        let delivery = event(EVENT, "e1");
        let start = Instant::now();
        let (first, second) = tokio::join!(delivery.call(&hooks), async {
            sleep(secs(1)).await;
            delivery.call(&hooks).await
        });
        assert_eq!((first.code(), second.code()), (expected, expected));
        assert_eq!(start.elapsed().as_secs(), 3);
        assert_eq!(probe.count(), 1);
        rest().await;
        let next = delivery.call(&hooks).await;
        if expected == 200 {
            next.assert_duplicate();
        } else {
            next.assert_handled();
            assert_eq!(probe.runs()[1].attempt, 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_10_a_duplicate_is_503_after_its_wait_and_later_200() {
    let probe = Probe::new([Step::Sleep(secs(20), Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = event(EVENT, "e1");
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
    first.assert_handled();
    let (second, at) = second;
    assert_eq!((second.code(), at), (503, 6));
    assert!((1..=60).contains(&second.retry_after().unwrap()));
    third.assert_duplicate();
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_continues_after_the_response_deadline() {
    let probe = Probe::new([Step::Sleep(secs(70), Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = event(EVENT, "e1");
    let start = Instant::now();
    let late = delivery.call(&hooks).await;
    assert_eq!((late.code(), start.elapsed().as_secs()), (503, 50));
    assert_eq!(late.retry_after(), Some(30));
    probe.ended().await;
    sleep(Duration::from_millis(1)).await;
    delivery.call(&hooks).await.assert_duplicate();
    assert_eq!((probe.count(), hooks.stats().late), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_event_is_acknowledged_and_remembered() {
    let probe = Probe::new([Step::Ignore]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = event(EVENT, "e1");
    delivery.call(&hooks).await.assert_ignored();
    delivery.call(&hooks).await.assert_duplicate();
    assert_eq!(probe.count(), 1);
}
