//! Whole deliveries.

use super::{ms, patient};
use apideck_hooks::store::LetterFilter;
use apideck_hooks::testing::Event;
use apideck_hooks::{Disposition, Hooks};
use apideck_hooks_tests::kit::{self, Deliver, Told, of};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::waiting::GENEROUS;
use futures_util::future::join_all;
use std::collections::HashMap;

const EVENT: &str = "vault.connection.callable";

fn event(id: &str) -> Event {
    kit::event(EVENT, id)
}

async fn hooks(isolated: &Isolated, probe: &Probe) -> Hooks {
    patient(probe, isolated.store().await).build().unwrap()
}

#[tokio::test]
async fn case_01_case_02_case_04_duplicates_do_not_run_in_this_or_the_next_process() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::default();
    let first = hooks(&isolated, &probe).await;
    event("e1").call(&first).await.assert_handled();
    event("e1").call(&first).await.assert_duplicate();
    drop(first);
    let second = hooks(&isolated, &probe).await;
    event("e1").call(&second).await.assert_duplicate();
    let fresh_key = event("e1").header("x-apideck-idempotency-key", "another");
    fresh_key.call(&second).await.assert_duplicate();
    assert_eq!(probe.count(), 1);
}

/// An event with all signed facts. Only such an event has an alias.
fn full(event_id: &str, entity_id: &str) -> Event {
    let body = format!(
        r#"{{"payload":{{"service_id":"vault","event_type":"{EVENT}","event_id":"{event_id}",
            "entity_id":"{entity_id}","occurred_at":"2026-11-01T10:00:00.000Z"}}}}"#
    );
    of(body)
        .header("x-apideck-event-type", EVENT)
        .header("x-apideck-idempotency-key", "one-key")
}

#[tokio::test]
async fn case_05_a_retry_with_another_event_id_is_a_duplicate_in_every_state() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Fail, Step::Gate(Box::new(Step::Succeed))]);
    let hooks = hooks(&isolated, &probe).await;
    assert_eq!(full("e1", "one").call(&hooks).await.outcome(), "500");
    // Released: the retry is the second attempt of the first event.
    let retry = tokio::spawn({
        let hooks = hooks.clone();
        async move { full("e2", "one").call(&hooks).await.outcome() }
    });
    probe.started().await;
    probe.started().await;
    // Running: the third waits for the outcome.
    let third = tokio::spawn({
        let hooks = hooks.clone();
        async move { full("e3", "one").call(&hooks).await.outcome() }
    });
    probe.open();
    assert_eq!(retry.await.unwrap(), "handled");
    assert_eq!(third.await.unwrap(), "duplicate");
    full("e4", "one").call(&hooks).await.assert_duplicate();
    assert_eq!(probe.runs()[1].attempt, 2);
    // Another signed event under the same header is an event of its own.
    full("e5", "two").call(&hooks).await.assert_handled();
    assert_eq!(probe.count(), 3);
}

#[tokio::test]
async fn case_11_a_failure_is_retried_as_the_next_attempt() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Fail, Step::Panic]);
    let hooks = hooks(&isolated, &probe).await;
    for word in ["500", "500", "handled", "duplicate"] {
        assert_eq!(event("e1").call(&hooks).await.outcome(), word);
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
    event("e1").call(&hooks).await.assert_dead_lettered();
    event("e1").call(&hooks).await.assert_duplicate();
    let letters = hooks.dead_letters().expect("it keeps them");
    let all = LetterFilter::new();
    let listed = letters.list(&all, None, 10).await.unwrap();
    let [dead] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((dead.attempts, &*dead.letter.event_id), (1, "e1"));
    assert_eq!(dead.letter.event_type, EVENT);
    assert!(dead.letter.error.contains("secret-reason"));
    assert_eq!(dead.letter.body, event("e1").body());
    assert_eq!(letters.get(dead.record).await.unwrap().as_ref(), Some(dead));
    // The first replay fails, the second succeeds.
    let replay = async || letters.replay(dead.record).await.unwrap().disposition;
    assert_eq!(replay().await, Disposition::DeadLettered);
    assert_eq!(letters.list(&all, None, 10).await.unwrap().len(), 1);
    assert_eq!(replay().await, Disposition::Handled);
    assert!(letters.list(&all, None, 10).await.unwrap().is_empty());
    assert_eq!(replay().await, Disposition::Duplicate);
    event("e1").call(&hooks).await.assert_duplicate();
    assert_eq!(probe.count(), 3);
}

#[tokio::test]
async fn case_14_an_event_is_dead_lettered_after_its_last_attempt() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let probe = Probe::new([Step::Fail, Step::Fail, Step::Fail]);
    let hooks = patient(&probe, isolated.store().await);
    let hooks = hooks.max_attempts(3).build().unwrap();
    for word in ["500", "500", "dead_lettered", "duplicate"] {
        assert_eq!(event("e1").call(&hooks).await.outcome(), word);
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
        let busy = reply.code() == 503 && reply.retry_after().is_some();
        assert!(reply.code() == 200 || busy, "{reply:?}");
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
                    if reply.code() == 200 {
                        break;
                    }
                    assert_eq!(reply.code(), 503, "{reply:?}");
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
async fn an_event_without_an_alias_costs_two_round_trips_and_a_duplicate_one() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = super::proxied(&isolated).await;
    let probe = Probe::default();
    let hooks = patient(&probe, builder.connect().await.unwrap()).build().unwrap();
    let event = |id: &str| event(id).without_header("x-apideck-idempotency-key");
    // The first calls load the scripts.
    event("warm").call(&hooks).await.assert_handled();
    event("warm").call(&hooks).await.assert_duplicate();
    let trips = async |word: &str| {
        let before = proxy.requests();
        for n in 0..10 {
            assert_eq!(event(&format!("e{n}")).call(&hooks).await.outcome(), word);
        }
        proxy.requests() - before
    };
    assert_eq!((trips("handled").await, trips("duplicate").await), (20, 10));
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
        let hooks = hooks(&isolated, &probe).await;
        tokio::spawn(async move { event("e1").call(&hooks).await });
        probe.started().await;
    });
    drop(first);
    runtime().block_on(async {
        let hooks = patient(&probe, isolated.store().await);
        let hooks = hooks.duplicate_wait(ms(1)).build().unwrap();
        let mut reply = event("e1").call(&hooks).await;
        // The ending runtime may have released the claim.
        if reply.code() == 503 {
            isolated.age(2 * GENEROUS).await;
            reply = event("e1").call(&hooks).await;
        }
        reply.assert_handled();
    });
    assert_eq!(probe.count(), 2);
}
