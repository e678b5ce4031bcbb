//! The required cases of idempotency on the memory store. Time is paused: what takes hours takes none.

use apideck_hooks::store::{Claim, End, Held, Key, Status, Store, Token, Verdict};
use apideck_hooks::{Identity, MemoryStore};
use apideck_hooks_tests::delivery::{Delivery, Reply};
use apideck_hooks_tests::fixtures::body;
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::spy::Spy;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const EVENT: &str = "vault.connection.callable";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn words(replies: &[Reply]) -> Vec<String> {
    replies.iter().map(Reply::word).collect()
}

#[tokio::test(start_paused = true)]
async fn case_01_and_02_first_delivery_then_the_same_again() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let first = delivery.call(&hooks).await;
    assert_eq!((first.status, first.word().as_str()), (200, "handled"));
    let done = Status::Done { token: Token(1) };
    assert_eq!(spy.last_status().await, done);
    let again = delivery.call(&hooks).await;
    assert_eq!((again.status, again.word().as_str()), (200, "duplicate"));
    assert_eq!(spy.last_status().await, done);
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_03_a_retry_differs_in_its_attempt_and_signature() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let first = body(EVENT, "e1");
    let retry = first.replace("\"execution_attempt\":1", "\"execution_attempt\":2");
    assert_ne!(first, retry);
    for (body, word) in [(first, "handled"), (retry, "duplicate")] {
        let delivery = Delivery::of(body).header("x-apideck-idempotency-key", "k");
        assert_eq!(delivery.call(&hooks).await.word(), word);
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_04_a_captured_body_under_a_new_header_is_a_duplicate() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    for n in 0..20 {
        let replay = delivery
            .clone()
            .header("x-apideck-idempotency-key", &format!("fresh-{n}"));
        assert_eq!(replay.call(&hooks).await.word(), "duplicate");
    }
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_04_both_at_once_are_one_run() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().build().unwrap();
    let one = Delivery::event(EVENT, "e1");
    let other = one.clone().header("x-apideck-idempotency-key", "fresh");
    let (one, other, ()) = tokio::join!(one.call(&hooks), other.call(&hooks), async {
        probe.started().await;
        sleep(secs(1)).await;
        probe.open();
    });
    assert_eq!((one.status, other.status), (200, 200));
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_05_a_known_header_with_another_event_id_is_a_duplicate_and_counted() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let one = Delivery::event(EVENT, "e1").header("x-apideck-idempotency-key", "k");
    let other = Delivery::event(EVENT, "e2").header("x-apideck-idempotency-key", "k");
    assert_eq!(one.call(&hooks).await.word(), "handled");
    assert_eq!(hooks.stats().idempotency_key_reused, 0);
    assert_eq!(other.call(&hooks).await.word(), "duplicate");
    assert_eq!((probe.count(), hooks.stats().idempotency_key_reused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn case_06_without_the_header_the_event_id_counts() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |id| Delivery::event(EVENT, id).without("x-apideck-idempotency-key");
    assert_eq!(delivery("e1").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("e1").call(&hooks).await.word(), "duplicate");
    assert_eq!(delivery("e2").call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn case_06_without_an_event_id_the_header_counts() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |key| {
        Delivery::of(r#"{"payload":{"event_type":"vault.connection.callable"}}"#)
            .header("x-apideck-idempotency-key", key)
    };
    assert_eq!(delivery("k1").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("k1").call(&hooks).await.word(), "duplicate");
    assert_eq!(delivery("k2").call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn case_06_with_neither_the_text_without_its_attempt_counts() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = |attempt: u32, x: u32| {
        Delivery::of(format!(
            r#"{{"payload":{{"event_type":"vault.connection.callable","execution_attempt":{attempt},"x":{x}}}}}"#
        ))
    };
    assert_eq!(delivery(1, 1).call(&hooks).await.word(), "handled");
    assert_eq!(delivery(2, 1).call(&hooks).await.word(), "duplicate");
    assert_eq!(delivery(1, 2).call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn an_unusable_header_is_absent_and_counted() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    let delivery = Delivery::event(EVENT, "e1").header("x-apideck-idempotency-key", &"k".repeat(256));
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    assert_eq!(delivery.call(&hooks).await.word(), "duplicate");
    let twice = Delivery::event(EVENT, "e2").also("x-apideck-idempotency-key", "another");
    assert_eq!(twice.call(&hooks).await.word(), "handled");
    assert_eq!(hooks.stats().idempotency_key_unusable, 3);
    assert!(probe.runs().iter().all(|run| run.idempotency_key.is_none()));
}

#[tokio::test(start_paused = true)]
async fn case_07_a_migration_is_three_runs() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    for action in ["created", "deleted", "migrated"] {
        let event = format!("vault.connection.{action}");
        let delivery = Delivery::event(&event, "one-id").header("x-apideck-idempotency-key", "one-key");
        assert_eq!(delivery.call(&hooks).await.word(), "handled", "{event}");
    }
    assert_eq!(probe.count(), 3);
    assert_eq!(hooks.stats().idempotency_key_reused, 0);
}

#[tokio::test(start_paused = true)]
async fn case_09_a_duplicate_waits_for_the_outcome_and_gives_it() {
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
async fn case_10_a_handler_longer_than_the_wait_is_503_and_later_200() {
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
async fn past_the_response_deadline_the_handler_goes_on() {
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
async fn case_11_an_error_releases_and_the_next_delivery_is_attempt_2() {
    let (probe, spy) = (Probe::new([Step::Fail]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let failed = delivery.call(&hooks).await;
    assert_eq!(failed.status, 500);
    assert!(!String::from_utf8_lossy(&failed.body).contains("secret-reason"));
    assert_eq!(
        spy.last_status().await,
        Status::Released {
            token: Token(1),
            attempt: 1
        }
    );
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    assert_eq!(spy.last_status().await, Status::Done { token: Token(2) });
    assert_eq!(
        probe.runs().iter().map(|run| run.attempt).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_say_when_to_come_back() {
    let probe = Probe::new([Step::FailUntil(secs(25)), Step::FailUntil(secs(3600))]);
    let hooks = probe.hooks().build().unwrap();
    for seconds in [25, 60] {
        let reply = Delivery::event(EVENT, "e1").call(&hooks).await;
        assert_eq!((reply.status, reply.retry_after()), (503, Some(seconds)));
    }
}

#[tokio::test(start_paused = true)]
async fn case_12_a_panic_is_a_failure_and_no_more() {
    let (probe, spy) = (Probe::new([Step::Panic]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.status, 500);
    assert_eq!(
        spy.last_status().await,
        Status::Released {
            token: Token(1),
            attempt: 1
        }
    );
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    assert_eq!((probe.count(), hooks.stats().panics), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_stopped_and_released() {
    let (probe, spy) = (Probe::new([Step::Gate(Box::new(Step::Succeed))]), Spy::default());
    let hooks = probe
        .hooks()
        .store(spy.clone())
        .handler_timeout(secs(10))
        .build()
        .unwrap();
    let start = Instant::now();
    assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.status, 500);
    assert_eq!(start.elapsed().as_secs(), 10);
    assert_eq!(
        spy.last_status().await,
        Status::Released {
            token: Token(1),
            attempt: 1
        }
    );
    assert_eq!(hooks.stats().timeouts, 1);
}

/// A memory store keeps no dead letters, so that a `2xx` would be a lie.
#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_422_where_nothing_keeps_it_and_200_where_something_does() {
    for (durable, expected) in [(false, ["422", "422"]), (true, ["dead_lettered", "duplicate"])] {
        let (probe, spy) = (Probe::new([Step::Refuse]), Spy::default());
        if durable {
            spy.pretend_durable();
        }
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let delivery = Delivery::event(EVENT, "e1");
        let replies = [delivery.call(&hooks).await, delivery.call(&hooks).await];
        assert_eq!(words(&replies), expected);
        assert_eq!(spy.last_status().await, Status::Dead { token: Token(1) });
        assert_eq!((probe.count(), hooks.stats().dead_lettered), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn case_14_after_its_attempts_an_event_is_set_aside() {
    let (probe, spy) = (Probe::new([Step::Fail, Step::Panic, Step::Fail]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).max_attempts(3).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(delivery.call(&hooks).await);
    }
    assert_eq!(words(&replies), ["500", "500", "422", "422"]);
    assert_eq!(probe.count(), 3);
    assert_eq!(spy.last_status().await, Status::Dead { token: Token(3) });
}

#[tokio::test(start_paused = true)]
async fn attempts_that_crashed_count_too() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).max_attempts(2).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.word(), "handled");
    let record = spy.last_claim().record;
    // The same record in a fresh store, claimed and abandoned twice.
    let crashed = MemoryStore::new();
    for _ in 0..2 {
        crashed.claim(Claim::new(record, None, secs(1))).await.unwrap();
        sleep(secs(2)).await;
    }
    let hooks = probe.hooks().store(crashed).max_attempts(2).build().unwrap();
    assert_eq!(delivery.call(&hooks).await.status, 422);
    assert_eq!(probe.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_19_a_stalled_owner_cannot_overwrite_its_successor() {
    let (probe, spy) = (
        Probe::new([Step::Sleep(secs(40), Box::new(Step::Fail))]),
        Spy::default(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    // The first owner cannot renew, as if it had stalled.
    spy.fail_renewals(true);
    let (stalled, successor) = tokio::join!(delivery.call(&hooks), async {
        sleep(secs(31)).await;
        delivery.call(&hooks).await
    });
    assert_eq!(successor.word(), "handled");
    assert_eq!(stalled.word(), "duplicate");
    assert_eq!(spy.last_status().await, Status::Done { token: Token(2) });
    assert_eq!((probe.count(), hooks.stats().lost), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn case_20_a_healthy_handler_five_leases_long_is_one_run() {
    let (probe, spy) = (
        Probe::new([Step::Sleep(secs(150), Box::new(Step::Succeed))]),
        Spy::default(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&hooks).await.status, 503);
    for _ in 0..9 {
        assert_eq!(delivery.call(&hooks).await.status, 503);
        sleep(secs(5)).await;
    }
    probe.ended().await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(delivery.call(&hooks).await.word(), "duplicate");
    assert_eq!(probe.count(), 1);
    assert_eq!(spy.last_status().await, Status::Done { token: Token(1) });
}

#[tokio::test(start_paused = true)]
async fn case_21_with_the_store_down_nothing_runs_unless_it_may() {
    let (probe, spy) = (Probe::default(), Spy::default());
    spy.fail_claims(true);
    let closed = probe.hooks().store(spy.clone()).build().unwrap();
    let reply = Delivery::event(EVENT, "e1").call(&closed).await;
    assert_eq!((reply.status, probe.count()), (503, 0));
    assert!(reply.retry_after().is_some());
    let open = probe.hooks().store(spy.clone()).fail_open(true).build().unwrap();
    assert_eq!(Delivery::event(EVENT, "e1").call(&open).await.word(), "handled");
    assert_eq!((probe.count(), open.stats().failed_open), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn case_22_a_finish_is_retried_while_the_lease_lasts() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.fail_finishes(4);
    assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.word(), "handled");
    assert_eq!(spy.last_status().await, Status::Done { token: Token(1) });
    assert_eq!((hooks.stats().store_errors, hooks.stats().unrecorded), (4, 0));

    spy.fail_finishes(usize::MAX);
    assert_eq!(Delivery::event(EVENT, "e2").call(&hooks).await.word(), "handled");
    assert_eq!(hooks.stats().unrecorded, 1);
}

fn key(n: u8) -> Key {
    Key::from_bytes([n; 16])
}

async fn claim(store: &MemoryStore, n: u8) -> Verdict {
    store
        .claim(Claim::new(key(n), None, secs(30)))
        .await
        .unwrap()
        .verdict
}

async fn settle(store: &MemoryStore, n: u8, end: End) {
    let Verdict::Granted { token, .. } = claim(store, n).await else {
        panic!("{n} is not granted")
    };
    assert_eq!(store.finish(key(n), token, end).await.unwrap(), Held::Yes);
}

/// Its clock is tokio's, which is monotonic: setting the wall clock changes nothing.
#[test]
fn case_23_the_memory_store_reads_no_wall_clock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/idempotency/memory");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        files += 1;
        assert!(!text.contains("SystemTime") && !text.contains("Timestamp::now"));
    }
    assert!(files > 3, "{files}");
}

#[tokio::test(start_paused = true)]
async fn two_memory_stores_know_nothing_of_each_other() {
    let probe = Probe::default();
    for _ in 0..2 {
        let hooks = probe.hooks().store(MemoryStore::new()).build().unwrap();
        let reply = Delivery::event(EVENT, "e1").call(&hooks).await;
        assert_eq!(reply.word(), "handled");
    }
}

#[tokio::test(start_paused = true)]
async fn case_24_retention_ends_to_the_millisecond_and_never_takes_what_runs() {
    let store = MemoryStore::builder().retention(secs(60)).build();
    settle(&store, 1, End::Done).await;
    settle(&store, 2, End::Release).await;
    claim(&store, 3).await;
    sleep(secs(60) - Duration::from_millis(1)).await;
    assert_eq!(claim(&store, 1).await, Verdict::Done);
    assert!(matches!(
        store.status(key(2)).await.unwrap(),
        Status::Released { .. }
    ));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Absent);
    assert_eq!(store.status(key(2)).await.unwrap(), Status::Absent);
    assert!(matches!(
        claim(&store, 1).await,
        Verdict::Granted { attempt: 1, .. }
    ));
    // A day later: the lease is long over, the record stays, and its token grows.
    sleep(secs(86_400)).await;
    claim(&store, 4).await;
    assert!(matches!(
        claim(&store, 3).await,
        Verdict::Granted {
            attempt: 2,
            token: Token(2)
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn case_25_a_full_store_forgets_the_oldest_that_is_done_and_never_what_runs() {
    let store = MemoryStore::builder().capacity(4).build();
    for n in 1..=4 {
        settle(&store, n, End::Done).await;
    }
    // Hot or not, the order of settling counts.
    for _ in 0..10 {
        assert_eq!(claim(&store, 1).await, Verdict::Done);
    }
    assert!(matches!(claim(&store, 5).await, Verdict::Granted { .. }));
    assert_eq!(store.evicted(), 1);
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Absent);
    assert_eq!(claim(&store, 2).await, Verdict::Done);
    for n in 6..=8 {
        assert!(matches!(claim(&store, n).await, Verdict::Granted { .. }), "{n}");
    }
    assert_eq!(claim(&store, 9).await, Verdict::Full);
    assert_eq!((store.len(), store.evicted()), (4, 4));
    assert!(matches!(
        store.status(key(5)).await.unwrap(),
        Status::Running { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn case_25_a_large_store_that_is_full_forgets_a_few_at_a_time_and_not_the_newest() {
    const EVENTS: u64 = 5_000;
    let store = MemoryStore::builder().capacity(2_048).build();
    let key = |n: u64| Key::from_bytes((u128::from(n + 1) << 64 | u128::from(n)).to_be_bytes());
    for n in 0..EVENTS {
        let claim = Claim::new(key(n), Some(key(n + EVENTS)), secs(30));
        let Verdict::Granted { token, .. } = store.claim(claim).await.unwrap().verdict else {
            panic!("{n} is not granted")
        };
        assert_eq!(store.finish(key(n), token, End::Done).await.unwrap(), Held::Yes);
    }
    assert!((1_800..=2_048).contains(&store.len()), "{}", store.len());
    assert_eq!(store.len() as u64 + store.evicted(), EVENTS);
    for n in EVENTS - 1_000..EVENTS {
        let claim = Claim::new(key(n), Some(key(n + EVENTS)), secs(30));
        assert_eq!(store.claim(claim).await.unwrap().verdict, Verdict::Done, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_25_a_store_full_of_what_runs_is_503() {
    let probe = Probe::new([
        Step::Gate(Box::new(Step::Succeed)),
        Step::Gate(Box::new(Step::Succeed)),
    ]);
    let hooks = probe
        .hooks()
        .store(MemoryStore::builder().capacity(2).build())
        .build()
        .unwrap();
    let deliveries = ["e1", "e2", "e3"].map(|id| Delivery::event(EVENT, id));
    let (one, two, three) = tokio::join!(deliveries[0].call(&hooks), deliveries[1].call(&hooks), async {
        probe.started().await;
        probe.started().await;
        let third = deliveries[2].call(&hooks).await;
        probe.open();
        probe.open();
        third
    });
    assert_eq!(
        [one.word(), two.word(), three.word()],
        ["handled", "handled", "503"]
    );
    assert!(three.retry_after().is_some());
    assert_eq!(deliveries[2].call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn case_30_two_sources_do_not_see_each_other() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let one = probe.hooks().store(spy.clone()).source("one").build().unwrap();
    let other = probe.hooks().store(spy.clone()).source("other").build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    assert_eq!(delivery.call(&one).await.word(), "handled");
    assert_eq!(delivery.call(&other).await.word(), "handled");
    assert_eq!(delivery.call(&one).await.word(), "duplicate");
    assert_eq!(probe.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn identity_can_be_chosen() {
    let replay = |event: &'static str, key: &'static str| {
        Delivery::event(EVENT, event).header("x-apideck-idempotency-key", key)
    };
    for (identity, words) in [
        (Identity::EventAndHeader, ["handled", "duplicate", "duplicate"]),
        (Identity::EventOnly, ["handled", "duplicate", "handled"]),
        (Identity::HeaderOnly, ["handled", "handled", "duplicate"]),
    ] {
        let probe = Probe::default();
        let hooks = probe.hooks().identity(identity).build().unwrap();
        let replies = [
            replay("e1", "k1").call(&hooks).await,
            replay("e1", "k2").call(&hooks).await,
            replay("e2", "k1").call(&hooks).await,
        ];
        assert_eq!(replies.map(|reply| reply.word()), words, "{identity:?}");
    }
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

#[tokio::test(start_paused = true)]
async fn more_deliveries_than_allowed_at_once_are_503() {
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    let hooks = probe.hooks().max_in_flight(1).build().unwrap();
    let deliveries = ["e1", "e2"].map(|id| Delivery::event(EVENT, id));
    let (first, second) = tokio::join!(deliveries[0].call(&hooks), async {
        probe.started().await;
        let second = deliveries[1].call(&hooks).await;
        probe.open();
        second
    });
    assert_eq!([first.word(), second.word()], ["handled", "503"]);
    assert_eq!(hooks.stats().overloaded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_settles_what_runs_and_takes_nothing_new() {
    let slow = |secs_| Step::Sleep(secs(secs_), Box::new(Step::Succeed));
    let (probe, spy) = (Probe::new([slow(5), slow(600)]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let deliveries = ["e1", "e2", "e3"].map(|id| Delivery::event(EVENT, id));
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
        [first.word(), second.word(), third.word()],
        ["handled", "503", "503"]
    );
    assert_eq!(drained.stopped, 1);
    assert_eq!(probe.count(), 2);
    // Given back at once, not at the end of its lease.
    assert_eq!(
        spy.last_status().await,
        Status::Released {
            token: Token(1),
            attempt: 1
        }
    );
    assert_eq!(hooks.shutdown(secs(1)).await.stopped, 0);
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_endless() {
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
    let delivery = Delivery::event(EVENT, "e1");
    let (first, second) = tokio::join!(delivery.call(&hooks), delivery.call(&hooks));
    assert_eq!([first.status, second.status], [200, 200]);
    assert_eq!(delivery.call(&hooks).await.word(), "duplicate");
    assert_eq!((probe.count(), hooks.shutdown(endless).await.stopped), (1, 0));
}

/// A released record is its first event's to retry: what came under the same header meanwhile is its own event.
#[tokio::test(start_paused = true)]
async fn a_failed_event_is_not_settled_by_another_under_its_header() {
    let probe = Probe::new([Step::Fail]);
    let hooks = probe.hooks().build().unwrap();
    let delivery = |id: &str| Delivery::event(EVENT, id).header("x-apideck-idempotency-key", "k");
    assert_eq!(delivery("e1").call(&hooks).await.status, 500);
    assert_eq!(delivery("e2").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("e1").call(&hooks).await.word(), "handled");
    assert_eq!(delivery("e2").call(&hooks).await.word(), "duplicate");
    let ran: Vec<_> = probe.runs().into_iter().filter_map(|run| run.event_id).collect();
    assert_eq!(ran, ["e1", "e2", "e1"]);
}

/// Nobody can ask for a shutdown any more: that is none.
#[tokio::test(start_paused = true)]
async fn dropping_the_receiver_stops_no_handler() {
    let (probe, spy) = (
        Probe::new([Step::Sleep(secs(100), Box::new(Step::Succeed))]),
        Spy::default(),
    );
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.status, 503);
    drop(hooks);
    probe.ended().await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(spy.last_status().await, Status::Done { token: Token(1) });
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_by_the_store_is_found_again() {
    for (step, word) in [
        (Step::Succeed, "handled"),
        (Step::Fail, "500"),
        (Step::Refuse, "dead_lettered"),
    ] {
        let (probe, spy) = (Probe::new([step]), Spy::default());
        spy.pretend_durable();
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        spy.lose_finish_answers(1);
        assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.word(), word);
        assert_eq!(hooks.stats().lost, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up() {
    let (probe, spy) = (Probe::default(), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    spy.hang(true);
    let start = Instant::now();
    let reply = Delivery::event(EVENT, "e1").call(&hooks).await;
    assert_eq!(
        (reply.status, start.elapsed().as_secs(), probe.count()),
        (503, 5, 0)
    );
    spy.hang(false);
    assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.word(), "handled");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_set_aside_is_not_acknowledged() {
    let (probe, spy) = (Probe::new([Step::Refuse, Step::Refuse]), Spy::default());
    spy.pretend_durable();
    let hooks = probe.hooks().store(spy.clone()).fail_open(true).build().unwrap();
    spy.fail_finishes(usize::MAX);
    assert_eq!(Delivery::event(EVENT, "e1").call(&hooks).await.status, 503);
    spy.fail_claims(true);
    assert_eq!(Delivery::event(EVENT, "e2").call(&hooks).await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_nothing_is_taken() {
    let probe = Probe::default();
    let hooks = probe.hooks().build().unwrap();
    assert_eq!(hooks.shutdown(secs(1)).await.stopped, 0);
    let reply = Delivery::event(EVENT, "e1").call(&hooks).await;
    assert_eq!(
        (reply.status, probe.count(), hooks.stats().overloaded),
        (503, 0, 0)
    );
    assert!(String::from_utf8_lossy(&reply.body).contains("shutting down"));
}

/// While its successor runs, a stalled owner can neither settle the record nor be told that it is handled.
#[tokio::test(start_paused = true)]
async fn case_19_a_stale_finish_changes_nothing_while_the_successor_runs() {
    for (step, status) in [(Step::Succeed, 503), (Step::Fail, 503)] {
        let stalled = Step::Sleep(secs(40), Box::new(step));
        let (probe, spy) = (
            Probe::new([stalled, Step::Gate(Box::new(Step::Succeed))]),
            Spy::default(),
        );
        let hooks = probe.hooks().store(spy.clone()).build().unwrap();
        let delivery = Delivery::event(EVENT, "e1");
        spy.fail_renewals(true);
        let (first, second) = tokio::join!(
            async {
                let reply = delivery.call(&hooks).await;
                assert!(matches!(
                    spy.last_status().await,
                    Status::Running { token: Token(2), .. }
                ));
                probe.open();
                reply
            },
            async {
                sleep(secs(31)).await;
                delivery.call(&hooks).await
            }
        );
        assert_eq!((first.status, second.word().as_str()), (status, "handled"));
        assert_eq!(spy.last_status().await, Status::Done { token: Token(2) });
    }
}

/// The runtime goes away in the middle of a run: the record is free at once.
#[test]
fn case_16_a_runtime_that_ends_gives_its_claims_back() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (probe, spy) = (Probe::new([Step::Gate(Box::new(Step::Succeed))]), Spy::default());
    let hooks = probe.hooks().store(spy.clone()).build().unwrap();
    let delivery = Delivery::event(EVENT, "e1");
    let first = runtime();
    first.block_on(async {
        let (hooks, delivery) = (hooks.clone(), delivery.clone());
        tokio::spawn(async move { delivery.call(&hooks).await });
        probe.started().await;
    });
    drop(first);
    runtime().block_on(async {
        assert_eq!(
            spy.last_status().await,
            Status::Released {
                token: Token(1),
                attempt: 1
            }
        );
        assert_eq!(delivery.call(&hooks).await.word(), "handled");
    });
}
