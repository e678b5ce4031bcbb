//! Whole deliveries.

use super::{EVENT, database, execute, hooks, number};
use apideck_hooks::store::LetterFilter;
use apideck_hooks::testing::{Answer, Event};
use apideck_hooks::{Disposition, Hooks};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::sleep;

async fn words(deliveries: &[Event], hooks: &Hooks) -> Vec<String> {
    let mut words = Vec::new();
    for delivery in deliveries {
        words.push(delivery.call(hooks).await.outcome());
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn case_01_case_02_case_11_first_delivery_duplicate_failure_and_second_attempt() {
    let database = database!();
    let probe = Probe::new([Step::Succeed, Step::Fail]);
    let receiver = hooks(&probe).store(database.store(4).await).build().unwrap();
    let [one, two] = ["e1", "e2"].map(|id| event(EVENT, id));
    let sent = [one.clone(), one, two.clone(), two.clone(), two];
    assert_eq!(
        words(&sent, &receiver).await,
        ["handled", "duplicate", "500", "handled", "duplicate"]
    );
    let attempts: Vec<_> = probe.runs().iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [1, 1, 2]);
}

/// Another header key of the same event, and a header key that came with another signed event.
#[tokio::test(flavor = "multi_thread")]
async fn case_04_case_05_a_new_key_is_a_duplicate_and_a_reused_key_names_its_event() {
    let database = database!();
    let probe = Probe::default();
    let receiver = hooks(&probe).store(database.store(4).await).build().unwrap();
    let one = event(EVENT, "e1").header("x-apideck-idempotency-key", "k");
    let fresh = one.clone().header("x-apideck-idempotency-key", "fresh");
    // The same entity and time are signed, so only the id of the event has changed.
    let reused = event(EVENT, "e2").header("x-apideck-idempotency-key", "k");
    assert_eq!(
        words(&[one, fresh, reused], &receiver).await,
        ["handled", "duplicate", "duplicate"]
    );
    assert_eq!((probe.count(), receiver.stats().recognised_by_header), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_13_a_dead_letter_is_kept_and_can_be_replayed() {
    let database = database!();
    let probe = Probe::new([Step::Refuse, Step::Fail]);
    let receiver = hooks(&probe).store(database.store(4).await).build().unwrap();
    let delivery = event(EVENT, "e1");
    assert_eq!(
        words(&[delivery.clone(), delivery.clone()], &receiver).await,
        ["dead_lettered", "duplicate"]
    );
    let all = LetterFilter::new();
    let dead_letters = receiver.dead_letters().unwrap();
    let kept = dead_letters.list(&all, None, 10).await.unwrap();
    let [dead] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!((dead.attempts, dead.running), (1, false));
    let letter = &dead.letter;
    assert_eq!((&*letter.event_type, &*letter.event_id), (EVENT, "e1"));
    assert_eq!(letter.body, delivery.body());
    assert!(letter.error.contains("secret-reason"), "{}", letter.error);

    // Another process finds the dead letter. It stays when a replay fails.
    let other = hooks(&probe).store(database.store(4).await).build().unwrap();
    let others = other.dead_letters().unwrap();
    let replayed = others.replay(dead.record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::DeadLettered);
    assert!(dead_letters.get(dead.record).await.unwrap().is_some());
    let replayed = dead_letters.replay(dead.record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Handled);
    assert!(dead_letters.list(&all, None, 10).await.unwrap().is_empty());
    let replayed = dead_letters.replay(dead.record).await.unwrap();
    assert_eq!(replayed.disposition, Disposition::Duplicate);
    assert_eq!(words(&[delivery], &receiver).await, ["duplicate"]);
    assert_eq!(probe.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_08_a_thousand_identical_deliveries_are_one_run() {
    let database = database!();
    let probe = Probe::new([Step::Sleep(Duration::from_millis(300), Box::new(Step::Succeed))]);
    let receiver = hooks(&probe).store(database.store(8).await).build().unwrap();
    let delivery = event(EVENT, "e1");
    let replies = join_all((0..1000).map(|_| delivery.call(&receiver))).await;
    for reply in &replies {
        let busy = reply.code() == 503 && reply.retry_after().is_some();
        assert!(busy || reply.code() == 200, "{reply:?}");
    }
    assert_eq!(probe.count(), 1);
}

/// Each event has one run, however its duplicates are spread.
#[tokio::test(flavor = "multi_thread")]
async fn two_receivers_and_64_senders_with_duplicates_run_each_event_once() {
    const EVENTS: usize = 300;
    let database = database!();
    let probe = Probe::default();
    let receivers = [
        hooks(&probe).store(database.store(8).await).build().unwrap(),
        hooks(&probe).store(database.store(8).await).build().unwrap(),
    ];
    // Each sender starts with another event, so that duplicates meet and part.
    let senders = (0..64).map(|sender| {
        let receivers = receivers.clone();
        tokio::spawn(async move {
            for n in 0..EVENTS / 4 {
                let number = (n + (sender / 4) * 7) % EVENTS;
                let delivery = event(EVENT, &format!("e{number}"));
                let reply = retry_while_busy(&delivery, &receivers[sender % 2]).await;
                assert_eq!(reply.code(), 200);
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
    assert!(runs.values().all(|count| *count == 1), "{runs:?}");
    assert!(runs.len() > EVENTS / 4, "{}", runs.len());
}

async fn retry_while_busy(delivery: &Event, hooks: &Hooks) -> Answer {
    loop {
        let reply = delivery.call(hooks).await;
        if reply.code() != 503 {
            return reply;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// PostgreSQL syncs a commit before its response by default. The store never changes this setting.
#[tokio::test(flavor = "multi_thread")]
async fn commits_are_as_durable_as_the_server_is_configured() {
    let database = database!();
    let store = database.store(4).await;
    let pool = database.pool(1);
    for sql in [
        "CREATE TABLE {}.seen (synchronous text NOT NULL)",
        "CREATE FUNCTION {}.see() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO {}.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$",
        "CREATE TRIGGER see BEFORE INSERT OR UPDATE ON {}.records FOR EACH ROW EXECUTE FUNCTION {}.see()",
    ] {
        execute(&database, &pool, sql).await;
    }
    let probe = Probe::new([Step::Succeed, Step::Fail, Step::Refuse]);
    let receiver = hooks(&probe).store(store).build().unwrap();
    let sent = ["e1", "e2", "e3"].map(|id| event(EVENT, id));
    assert_eq!(words(&sent, &receiver).await, ["handled", "500", "dead_lettered"]);
    let seen = "SELECT count(*) FROM {}.seen";
    assert_eq!(number(&database, &pool, seen).await, 6);
    let lower = "SELECT count(*) FROM {}.seen WHERE synchronous <> current_setting('synchronous_commit')";
    assert_eq!(number(&database, &pool, lower).await, 0);
}
