//! Receivers in processes of their own: two at once, killed ones and stalled ones.

use super::{EVENT, database, execute, number};
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

async fn start(database: &Database, effects: &Effects, lease: Duration) -> Receiver {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postgres-receiver"));
    command
        .env("SCHEMA", &database.schema)
        .env("EFFECTS", effects.file())
        .env("LEASE_MS", lease.as_millis().to_string());
    Receiver::of(command).await
}

/// The file of a receiver's effects.
struct Effects(Directory);

impl Effects {
    fn file(&self) -> PathBuf {
        self.0.file("effects")
    }

    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The number of completed runs of each event.
    fn ends(&self) -> HashMap<String, usize> {
        let mut ends = HashMap::new();
        for line in self.lines() {
            if let Some(end) = line.strip_prefix("end ") {
                let id = end.split(' ').next().expect("an id").to_owned();
                *ends.entry(id).or_default() += 1;
            }
        }
        ends
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_18_an_event_is_claimable_after_a_kill_when_its_lease_is_over() {
    // Longer than any test, so that the lease ends when the test ends it.
    const LEASE: Duration = Duration::from_secs(24 * 60 * 60);
    let database = database!();
    let (effects, pool) = (Effects(Directory::default()), database.pool(1));
    let mut receiver = start(&database, &effects, LEASE).await;
    let (delivery, addr) = (event(EVENT, "stuck"), receiver.addr);
    let lost = {
        let delivery = delivery.clone();
        tokio::spawn(async move { delivery.try_send(addr).await.is_err() })
    };
    receiver.line("started stuck 1").await;
    receiver.signal("KILL").await;
    assert!(!receiver.wait().await.success());
    assert!(lost.await.unwrap(), "no answer");

    let receiver = start(&database, &effects, LEASE).await;
    let reply = delivery.send(receiver.addr).await;
    // At most a minute, whatever the lease.
    assert_eq!((reply.code(), reply.retry_after()), (503, Some(60)));
    let token = "SELECT token FROM {}.records";
    let first = number(&database, &pool, token).await;
    let over = "UPDATE {}.records SET lease_end = 0";
    assert_eq!(execute(&database, &pool, over).await, 1);
    until("it is handled", async || {
        let reply = delivery.send(receiver.addr).await;
        reply.code() == 200 && reply.outcome() == "handled"
    })
    .await;
    assert!(number(&database, &pool, token).await > first);
    assert_eq!(effects.lines(), ["start stuck 1", "start stuck 2", "end stuck 2"]);
    delivery.send(receiver.addr).await.assert_duplicate();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_under_64_senders_run_each_event_once() {
    const EVENTS: usize = 200;
    let database = database!();
    let effects = Effects(Directory::default());
    let lease = Duration::from_secs(60);
    let receivers = [
        start(&database, &effects, lease).await,
        start(&database, &effects, lease).await,
    ];
    let addrs = receivers.each_ref().map(|receiver| receiver.addr);
    let senders = (0..64).map(|sender| {
        tokio::spawn(async move {
            for n in 0..EVENTS / 8 {
                let delivery = event(EVENT, &format!("e{}", (n + (sender / 4) * 12) % EVENTS));
                while delivery.send(addrs[sender % 2]).await.code() != 200 {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        })
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    let ends = effects.ends();
    assert!(ends.values().all(|ends| *ends == 1), "{ends:?}");
    assert_eq!(ends.len(), EVENTS);
    assert_eq!(effects.lines().len(), 2 * EVENTS);
}

/// A handler that kills its process each time has used its attempts up in the end.
#[tokio::test(flavor = "multi_thread")]
async fn case_18_a_handler_that_kills_its_process_is_dead_lettered() {
    const ATTEMPTS: usize = 8;
    let database = database!();
    let (effects, pool) = (Effects(Directory::default()), database.pool(1));
    let delivery = event(EVENT, "fatal");
    for _ in 0..ATTEMPTS {
        let receiver = start(&database, &effects, Duration::from_secs(60)).await;
        assert!(delivery.try_send(receiver.addr).await.is_err());
        assert!(!receiver.wait().await.success());
        let over = "UPDATE {}.records SET lease_end = 0";
        assert_eq!(execute(&database, &pool, over).await, 1);
    }
    let receiver = start(&database, &effects, Duration::from_secs(60)).await;
    for word in ["dead_lettered", "duplicate"] {
        assert_eq!(delivery.send(receiver.addr).await.outcome(), word);
    }
    assert_eq!(effects.lines().len(), ATTEMPTS);
    let kept = "SELECT attempts FROM {}.records WHERE body IS NOT NULL";
    let attempts = sqlx::AssertSqlSafe(kept.replace("{}", &database.schema));
    let attempts: i32 = sqlx::query_scalar(attempts).fetch_one(&pool).await.unwrap();
    assert_eq!(attempts, ATTEMPTS as i32);
}

/// A receiver is killed ten times and stalled ten times during a thousand deliveries. A stalled one
/// goes on when another one has taken its claims. Events that were not acknowledged are retried.
#[tokio::test(flavor = "multi_thread")]
async fn case_19_twenty_kills_and_stalls_under_load_lose_no_event() {
    const EVENTS: usize = 1000;
    const ROUNDS: usize = 20;
    let database = database!();
    let (effects, pool) = (Effects(Directory::default()), database.pool(1));
    let lease = Duration::from_secs(2);
    let first = start(&database, &effects, lease).await;
    let (addr, addrs) = tokio::sync::watch::channel(first.addr);
    let senders = (0..16).map(|sender| {
        let addrs = addrs.clone();
        tokio::spawn(async move {
            let mut words = HashMap::new();
            for n in (sender..EVENTS).step_by(16) {
                let kind = ["e", "e", "e", "flaky", "bad"][n % 5];
                let id = format!("{kind}{n}");
                let delivery = event(EVENT, &id);
                loop {
                    let addr = *addrs.borrow();
                    // A stalled receiver gives no answer.
                    match timeout(Duration::from_secs(3), delivery.try_send(addr)).await {
                        Ok(Ok(reply)) if reply.code() == 200 => {
                            words.insert(id, reply.outcome());
                            break;
                        }
                        _ => sleep(Duration::from_millis(20)).await,
                    }
                }
            }
            words
        })
    });
    let senders: Vec<_> = senders.collect();
    let settled = "SELECT count(*) FROM {}.records WHERE phase IN (1, 3)";
    let mut receiver = first;
    let mut stalled: Option<Receiver> = None;
    for round in 1..=ROUNDS {
        until("some more are settled", async || {
            let settled = number(&database, &pool, settled).await;
            settled >= (EVENTS * round / (ROUNDS + 1)) as i64
        })
        .await;
        // Another one has taken over what this one was handling.
        if let Some(stalled) = stalled.take() {
            stalled.signal("CONT").await;
            sleep(Duration::from_millis(200)).await;
            stalled.signal("KILL").await;
            stalled.wait().await;
        }
        let next = start(&database, &effects, lease).await;
        addr.send_replace(next.addr);
        let last = std::mem::replace(&mut receiver, next);
        if round % 2 == 0 {
            last.signal("STOP").await;
            stalled = Some(last);
        } else {
            last.signal("KILL").await;
            last.wait().await;
        }
    }
    let mut words = HashMap::new();
    for sender in senders {
        words.extend(sender.await.unwrap());
    }
    assert_eq!(words.len(), EVENTS);
    // Every acknowledged event has its effect, or is dead with its dead letter. On a busy machine
    // an end may not be recorded within the lease. Its event is acknowledged all the same.
    let dead = "SELECT count(*) FROM {}.records WHERE phase = 3 AND body IS NOT NULL AND error IS NOT NULL";
    assert_eq!(number(&database, &pool, dead).await, EVENTS as i64 / 5);
    let ends = effects.ends();
    assert_eq!(ends.len(), EVENTS - EVENTS / 5);
    // An effect is repeated only if its receiver was stopped between the effect and the finish.
    let twice: Vec<_> = ends.iter().filter(|(_, ends)| **ends > 1).collect();
    println!("twice: {twice:?}");
    assert!(twice.len() <= ROUNDS * 16, "{twice:?}");
}
