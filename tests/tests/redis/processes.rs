//! Receivers in processes of their own: two at once, and killed ones.

use super::{end_leases, ms};
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::delivery::Delivery;
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
    if gated {
        environment.push(("GATED", "1"));
    }
    let mut command = tokio::process::Command::new(PROGRAM);
    command.envs(environment);
    Receiver::of(command).await
}

fn event(id: &str) -> Delivery {
    Delivery::event("vault.connection.callable", id)
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
    assert_eq!(event("e1").send(addr).await.status, 503);
    assert_eq!(effects(&isolated).await["e1"], 1);
    end_leases(&isolated, lease).await;
    let retry = tokio::spawn(async move { event("e1").send(addr).await.word() });
    assert_eq!(second.line("started").await, "started 2");
    second.enter().await;
    assert_eq!(retry.await.unwrap(), "handled");
    assert_eq!(event("e1").send(addr).await.word(), "duplicate");
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
    let effects = effects(&isolated).await;
    assert_eq!(effects.len(), 320);
    assert!(effects.values().all(|count| *count == 1), "{effects:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_kills_under_load_lose_no_event() {
    const EVENTS: usize = 1000;
    const SENDERS: usize = 16;
    // After a kill an event waits for the end of its lease. A busy machine would renew a shorter
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
                        match event(&id).try_send(to).await.map(|reply| reply.status) {
                            Ok(200) => break,
                            Ok(503) | Err(_) => sleep(ms(20)).await,
                            Ok(status) => panic!("{status}"),
                        }
                    }
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut receiver = receiver;
    for kill in 1..=10 {
        until("some more are acknowledged", async || {
            acknowledged.load(Ordering::SeqCst) >= kill * EVENTS / 11
        })
        .await;
        receiver.signal("KILL").await;
        receiver.wait().await;
        receiver = start(&isolated, LEASE, false).await;
        *addr.write().await = receiver.addr;
    }
    for sender in senders {
        ends("a sender", sender).await.unwrap();
    }
    let effects = effects(&isolated).await;
    assert_eq!(effects.len(), EVENTS, "each event ran");
    // An event runs again only after a kill.
    let more: usize = effects.values().map(|count| count - 1).sum();
    println!("{more} events ran again after a kill");
    assert!(more <= 10 * SENDERS, "{more}");
    for n in 0..EVENTS {
        let reply = event(&format!("e{n}")).send(receiver.addr).await;
        assert_eq!(reply.word(), "duplicate");
    }
    assert_eq!(self::effects(&isolated).await, effects);
}
