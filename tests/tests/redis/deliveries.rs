//! Whole deliveries.

use super::{end_leases, ms};
use apideck_hooks::{Hooks, Replayed};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::waiting::GENEROUS;
use futures_util::future::join_all;
use std::collections::HashMap;

const EVENT: &str = "vault.connection.callable";

fn event(id: &str) -> Delivery {
    Delivery::event(EVENT, id)
}

async fn hooks(isolated: &Isolated, probe: &Probe) -> Hooks {
    probe
        .patient_hooks()
        .store(isolated.store().await)
        .build()
        .unwrap()
}

#[tokio::test]
async fn case_01_case_02_case_04_case_05_duplicates_do_not_run_in_this_or_the_next_process() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::default();
    let first = hooks(&isolated, &probe).await;
    assert_eq!(event("e1").call(&first).await.word(), "handled");
    assert_eq!(event("e1").call(&first).await.word(), "duplicate");
    drop(first);
    let second = hooks(&isolated, &probe).await;
    assert_eq!(event("e1").call(&second).await.word(), "duplicate");
    let fresh_key = event("e1").header("x-apideck-idempotency-key", "another");
    assert_eq!(fresh_key.call(&second).await.word(), "duplicate");
    let reused = event("e2").header("x-apideck-idempotency-key", "key-of-e1");
    assert_eq!(reused.call(&second).await.word(), "duplicate");
    assert_eq!(second.stats().idempotency_key_reused, 1);
    assert_eq!(probe.count(), 1);
}

#[tokio::test]
async fn case_11_a_failure_is_retried_as_the_next_attempt() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Fail, Step::Panic]);
    let hooks = hooks(&isolated, &probe).await;
    for word in ["500", "500", "handled", "duplicate"] {
        assert_eq!(event("e1").call(&hooks).await.word(), word);
    }
    let attempts: Vec<_> = probe.runs().iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
}

#[tokio::test]
async fn case_13_a_dead_letter_is_kept_and_can_be_replayed() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Refuse, Step::Fail]);
    let hooks = hooks(&isolated, &probe).await;
    assert_eq!(event("e1").call(&hooks).await.word(), "dead_lettered");
    assert_eq!(event("e1").call(&hooks).await.word(), "duplicate");
    let dead_letters = hooks.dead_letters().expect("it keeps them");
    let listed = dead_letters.list(None, 10).await.unwrap();
    let [dead] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((dead.attempts, &*dead.letter.event_id), (1, "e1"));
    assert_eq!(dead.letter.event_type, EVENT);
    assert!(dead.letter.error.contains("secret-reason"));
    assert_eq!(dead.letter.body, Some(event("e1").body));
    assert_eq!(dead_letters.get(dead.record).await.unwrap().as_ref(), Some(dead));
    // The first replay fails, the second succeeds.
    assert_eq!(dead_letters.replay(dead.record).await.unwrap(), Replayed::Failed);
    assert_eq!(dead_letters.list(None, 10).await.unwrap().len(), 1);
    assert_eq!(dead_letters.replay(dead.record).await.unwrap(), Replayed::Done);
    assert!(dead_letters.list(None, 10).await.unwrap().is_empty());
    assert_eq!(dead_letters.replay(dead.record).await.unwrap(), Replayed::Unknown);
    assert_eq!(event("e1").call(&hooks).await.word(), "duplicate");
    assert_eq!(probe.count(), 3);
}

#[tokio::test]
async fn case_14_an_event_is_dead_lettered_after_its_last_attempt() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Fail, Step::Fail, Step::Fail]);
    let store = isolated.store().await;
    let hooks = probe
        .patient_hooks()
        .store(store)
        .max_attempts(3)
        .build()
        .unwrap();
    for word in ["500", "500", "dead_lettered", "duplicate"] {
        assert_eq!(event("e1").call(&hooks).await.word(), word);
    }
    assert_eq!(probe.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_08_a_thousand_identical_deliveries_to_two_receivers_are_one_run() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Sleep(ms(300), Box::new(Step::Succeed))]);
    let receivers = [hooks(&isolated, &probe).await, hooks(&isolated, &probe).await];
    let replies = join_all((0..1000).map(|n| {
        let hooks = receivers[n % 2].clone();
        tokio::spawn(async move { event("e1").call(&hooks).await })
    }));
    for reply in replies.await {
        let reply = reply.unwrap();
        let busy = reply.status == 503 && reply.retry_after().is_some();
        assert!(reply.status == 200 || busy, "{reply:?}");
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_under_64_senders_with_duplicates_run_each_event_once() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::default();
    let receivers = [hooks(&isolated, &probe).await, hooks(&isolated, &probe).await];
    // Four senders send each event at about the same time.
    let senders = (0..64).map(|sender| {
        let hooks = receivers[sender % 2].clone();
        tokio::spawn(async move {
            for n in 0..50 {
                let id = format!("e{}-{n}", sender / 4);
                loop {
                    let reply = event(&id).call(&hooks).await;
                    if reply.status == 200 {
                        break;
                    }
                    assert_eq!(reply.status, 503, "{reply:?}");
                }
            }
        })
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    let mut runs: HashMap<_, usize> = HashMap::new();
    for run in probe.runs() {
        *runs.entry(run.event_id).or_default() += 1;
    }
    assert_eq!(runs.len(), 800);
    assert!(runs.values().all(|count| *count == 1));
}

/// Counts the requests through a proxy.
#[tokio::test]
async fn an_event_costs_two_round_trips_and_a_duplicate_one() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = super::proxied(&isolated).await;
    let probe = Probe::default();
    let hooks = probe.patient_hooks().store(builder.connect().await.unwrap());
    let hooks = hooks.build().unwrap();
    // The first calls load the scripts.
    assert_eq!(event("warm").call(&hooks).await.word(), "handled");
    assert_eq!(event("warm").call(&hooks).await.word(), "duplicate");
    let mut counted = Vec::new();
    // The sweeper runs once, so that at most one of the rounds counts its request too.
    for round in 0..2 {
        let trips = async |word: &str| {
            let before = proxy.requests();
            for n in 0..10 {
                let id = format!("e{round}-{n}");
                assert_eq!(event(&id).call(&hooks).await.word(), word);
            }
            proxy.requests() - before
        };
        counted.push((trips("handled").await, trips("duplicate").await));
    }
    assert!(counted.contains(&(20, 10)), "{counted:?}");
}

/// The runtime ends in the middle of a run.
#[test]
fn case_16_after_its_runtime_ends_an_event_is_claimable_when_its_lease_is_over() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let Some(isolated) = runtime().block_on(Isolated::new()) else {
        return;
    };
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let first = runtime();
    first.block_on(async {
        let store = isolated.store().await;
        let hooks = probe.patient_hooks().store(store).build().unwrap();
        tokio::spawn(async move { event("e1").call(&hooks).await });
        probe.started().await;
    });
    drop(first);
    runtime().block_on(async {
        let store = isolated.store().await;
        let hooks = probe
            .patient_hooks()
            .store(store)
            .duplicate_wait(ms(1))
            .build()
            .unwrap();
        let mut reply = event("e1").call(&hooks).await;
        // The ending runtime may have released the claim.
        if reply.status == 503 {
            end_leases(&isolated, 2 * GENEROUS).await;
            reply = event("e1").call(&hooks).await;
        }
        assert_eq!(reply.word(), "handled");
    });
    assert_eq!(probe.runs()[1].attempt, 2);
}
