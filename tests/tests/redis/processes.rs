//! Receivers in processes of their own: two at once, and killed ones.

use super::ms;
use apideck_hooks::store::{DeadLetterStore, LetterFilter, RecordState, Store};
use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::kit::{self, Deliver, Told};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::waiting::{GENEROUS, ends, until};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::RwLock;
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_redis-receiver");

async fn start(isolated: &Isolated, lease: Duration, gated: bool) -> Receiver {
    let lease = lease.as_millis().to_string();
    let mut environment = vec![("PREFIX", &*isolated.prefix), ("LEASE_MS", &*lease)];
    environment.push(("APIDECK_HOOKS_TEST_REDIS_URL", &*isolated.url));
    if gated {
        environment.push(("GATED", "1"));
    }
    let mut command = tokio::process::Command::new(PROGRAM);
    command.envs(environment);
    Receiver::of(command).await
}

fn event(id: &str) -> Event {
    kit::event("vault.connection.callable", id)
}

/// The number of runs of each event.
async fn effects(isolated: &Isolated) -> HashMap<String, usize> {
    redis::cmd("HGETALL")
        .arg(format!("{}:effects", isolated.prefix))
        .query_async(&mut isolated.client().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn case_18_an_event_is_claimable_after_a_kill_when_its_lease_is_over() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    // Longer than any test, so that the lease ends when the test ends it.
    let lease = Duration::from_secs(24 * 60 * 60);
    let mut first = start(&isolated, lease, true).await;
    let mut second = start(&isolated, lease, true).await;
    let addr = first.addr;
    let sender = tokio::spawn(async move { event("e1").try_send(addr).await.is_ok() });
    assert_eq!(first.line("started").await, "started 1");
    first.signal("KILL").await;
    first.wait().await;
    assert!(!sender.await.unwrap(), "no response");
    let addr = second.addr;
    event("e1").send(addr).await.assert_status(503);
    assert_eq!(effects(&isolated).await["e1"], 1);
    isolated.age(lease).await;
    let retry = tokio::spawn(async move { event("e1").send(addr).await.outcome() });
    assert_eq!(second.line("started").await, "started 2");
    second.enter().await;
    assert_eq!(retry.await.unwrap(), "handled");
    event("e1").send(addr).await.assert_duplicate();
    assert_eq!(effects(&isolated).await["e1"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_under_64_senders_with_duplicates_run_each_event_once() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let receivers = [
        start(&isolated, 2 * GENEROUS, false).await,
        start(&isolated, 2 * GENEROUS, false).await,
    ];
    let addrs = [receivers[0].addr, receivers[1].addr];
    let senders = (0..64).map(|sender| {
        tokio::spawn(async move {
            for n in 0..20 {
                // Four senders send the same events, two to each process.
                let id = format!("e{}-{n}", sender / 4);
                loop {
                    let reply = event(&id).send(addrs[sender % 2]).await;
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
    let effects = effects(&isolated).await;
    assert_eq!(effects.len(), 320);
    assert!(effects.values().all(|count| *count == 1), "{effects:?}");
}

/// A handler that kills its process each time ends as a dead letter.
#[tokio::test]
async fn case_18_an_event_that_kills_its_process_is_dead_lettered() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let lease = Duration::from_secs(24 * 60 * 60);
    for attempt in 1..=8 {
        let mut receiver = start(&isolated, lease, true).await;
        let addr = receiver.addr;
        let sender = tokio::spawn(async move { event("e1").try_send(addr).await.is_ok() });
        assert_eq!(receiver.line("started").await, format!("started {attempt}"));
        receiver.signal("KILL").await;
        receiver.wait().await;
        assert!(!sender.await.unwrap(), "no response");
        isolated.age(lease).await;
    }
    let receiver = start(&isolated, lease, true).await;
    event("e1").send(receiver.addr).await.assert_dead_lettered();
    let store = isolated.store().await;
    let letters = store.list("tests", &LetterFilter::new(), None, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].attempts), (1, 8));
    assert_eq!(letters[0].letter.body, event("e1").body());
    assert_eq!(effects(&isolated).await["e1"], 8);
}

/// Case 19. A stopped process loses its claim to another one. Its end is lost, and that of the
/// other process stays.
#[tokio::test]
async fn case_19_a_stopped_process_has_lost_its_claim() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let lease = Duration::from_secs(24 * 60 * 60);
    let mut first = start(&isolated, lease, true).await;
    let mut second = start(&isolated, lease, true).await;
    let addr = first.addr;
    let stalled = tokio::spawn(async move { event("e1").send(addr).await });
    assert_eq!(first.line("started").await, "started 1");
    first.signal("STOP").await;
    isolated.age(lease).await;
    let addr = second.addr;
    let retry = tokio::spawn(async move { event("e1").send(addr).await.outcome() });
    assert_eq!(second.line("started").await, "started 2");
    first.signal("CONT").await;
    first.enter().await;
    // It has handled the event, and its end was lost.
    let reply = stalled.await.unwrap();
    assert!(reply.code() == 200 || reply.code() == 503, "{reply:?}");
    second.enter().await;
    assert_eq!(retry.await.unwrap(), "handled");
    let store = isolated.store().await;
    let records = isolated.keys().await;
    let record = records
        .iter()
        .find_map(|name| name.split_once(":record:"))
        .unwrap()
        .1;
    let status = store.status(record.parse().unwrap()).await.unwrap();
    assert_eq!((status.state, status.attempts), (RecordState::Done, 2));
}

/// Twenty rounds of `kill -9` and SIGSTOP under senders that retry. No event is lost, and an event
/// runs again only after a fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_18_case_19_twenty_kills_and_stops_under_load_lose_no_event() {
    const EVENTS: usize = 1000;
    const SENDERS: usize = 16;
    const ROUNDS: usize = 20;
    // After a fault an event waits for the end of its lease. A busy machine would renew a shorter
    // one too late.
    const LEASE: Duration = Duration::from_secs(3);
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let receiver = start(&isolated, LEASE, false).await;
    let addr = Arc::new(RwLock::new(receiver.addr));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (addr, acknowledged) = (Arc::clone(&addr), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for n in (sender..EVENTS).step_by(SENDERS) {
                    let id = format!("e{n}");
                    loop {
                        let to = *addr.read().await;
                        // A stopped process does not answer.
                        let sent = event(&id);
                        match tokio::time::timeout(2 * LEASE, sent.try_send(to)).await {
                            Ok(Ok(reply)) if reply.code() == 200 => break,
                            Ok(Ok(reply)) => {
                                // A duplicate that waits is told when the run of another process
                                // ended with its lease.
                                assert!([500, 503].contains(&reply.code()), "{reply:?}");
                                sleep(ms(20)).await;
                            }
                            Ok(Err(_)) | Err(_) => sleep(ms(20)).await,
                        }
                    }
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut receiver = receiver;
    let mut stopped = Vec::new();
    for round in 1..=ROUNDS {
        until("some more are acknowledged", async || {
            acknowledged.load(Ordering::SeqCst) >= round * EVENTS / (ROUNDS + 1)
        })
        .await;
        if round % 2 == 0 {
            receiver.signal("KILL").await;
            receiver.wait().await;
        } else {
            receiver.signal("STOP").await;
            stopped.push(receiver);
        }
        receiver = start(&isolated, LEASE, false).await;
        *addr.write().await = receiver.addr;
        // A process that was stopped a few rounds ago goes on, and ends its runs late.
        if stopped.len() > 2 {
            let late = stopped.remove(0);
            late.signal("CONT").await;
            stopped.push(late);
        }
    }
    for sender in senders {
        ends("a sender", sender).await.unwrap();
    }
    for late in &stopped {
        late.signal("CONT").await;
    }
    let effects = effects(&isolated).await;
    assert_eq!(effects.len(), EVENTS, "each event ran");
    let more: usize = effects.values().map(|count| count - 1).sum();
    println!("{more} events ran again after a fault");
    assert!(more <= ROUNDS * SENDERS, "{more}");
    for n in 0..EVENTS {
        let reply = event(&format!("e{n}")).send(receiver.addr).await;
        reply.assert_duplicate();
    }
    let store = isolated.store().await;
    assert_eq!(store.count("tests", &LetterFilter::new()).await.unwrap(), 0);
}
