//! Outages of the server, and the end of the runtime.

use super::{EVENT, SOURCE, claim_of, database, execute, hooks, key};
use apideck_hooks::PostgresStore;
use apideck_hooks::Rest;
use apideck_hooks::store::{Store, StoreError};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::postgres::proxy::{Line, Proxy};
use apideck_hooks_tests::postgres::{Database, pool};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::waiting::{ends, until};
use sqlx::postgres::PgConnectOptions;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A store behind a proxy.
async fn behind_proxy(database: &Database, connections: u32) -> (PostgresStore, Proxy) {
    let (options, proxy) = proxied(database).await;
    let store = PostgresStore::builder(pool(options, 2)).schema(&database.schema);
    (store.connections(connections).build().unwrap(), proxy)
}

async fn proxied(database: &Database) -> (PgConnectOptions, Proxy) {
    let (host, port) = (database.options.get_host(), database.options.get_port());
    let proxy = Proxy::to(format!("{host}:{port}")).await;
    let options = database.options.clone().host("127.0.0.1").port(proxy.addr.port());
    (options, proxy)
}

/// The line is cut and stalled under load. Every event with a `200` is done and ran once, and the
/// store recovers without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn outages_under_load_cause_no_false_2xx() {
    let database = database!();
    let direct = database.store(8).await;
    let (store, proxy) = behind_proxy(&database, 8).await;
    let probe = Probe::default();
    let hooks = probe
        .hooks()
        .source(SOURCE)
        .rest(Rest::None)
        .store(store)
        .store_timeout(Duration::from_millis(500))
        .duplicate_wait(Duration::from_millis(100))
        // Longer than any outage, so that every finish is recorded. A claim with a lost response
        // blocks its event for as long.
        .lease(Duration::from_secs(30))
        .build()
        .unwrap();
    let direct = super::hooks(&probe).store(direct).build().unwrap();
    let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders = (0..16).map(|sender| {
        let (hooks, direct) = (hooks.clone(), direct.clone());
        let (stop, refused) = (Arc::clone(&stop), Arc::clone(&refused));
        tokio::spawn(async move {
            let mut sent = 0;
            while !stop.load(Ordering::SeqCst) {
                let id = format!("e{sender}-{sent}");
                sent += 1;
                let delivery = event(EVENT, &id);
                loop {
                    let reply = ends("every call", delivery.call(&hooks)).await;
                    if reply.code() == 200 {
                        break;
                    }
                    // A delivery that waits for a claim that is then withdrawn is told that it
                    // failed.
                    assert!([500, 503].contains(&reply.code()), "{reply:?}");
                    refused.fetch_add(1, Ordering::SeqCst);
                    sleep(Duration::from_millis(100)).await;
                }
                // The event is done, as a receiver without outages sees.
                delivery.call(&direct).await.assert_duplicate();
            }
            sent
        })
    });
    let senders: Vec<_> = senders.collect();
    for line in [Line::Cut, Line::Stalled, Line::Cut] {
        let runs = probe.count();
        until("events are handled", async || probe.count() > runs + 50).await;
        let before = refused.load(Ordering::SeqCst);
        proxy.set(line);
        until("requests are refused", async || {
            refused.load(Ordering::SeqCst) > before + 16
        })
        .await;
        sleep(Duration::from_millis(1000)).await;
        proxy.set(Line::Open);
    }
    let runs = probe.count();
    until("events are handled", async || probe.count() > runs + 50).await;
    stop.store(true, Ordering::SeqCst);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    let mut runs: HashMap<_, usize> = HashMap::new();
    for run in probe.runs() {
        *runs.entry(run.event_id).or_default() += 1;
    }
    println!("{sent} events, {refused:?} refusals, {:?}", hooks.stats());
    assert_eq!(runs.len(), sent);
    assert!(runs.values().all(|count| *count == 1), "{runs:?}");
    assert_eq!(hooks.stats().unrecorded, 0);
}

/// A query that is dropped takes its connection along, without any sign that the connection is
/// dead. It is given up, and others take its place.
#[tokio::test(flavor = "multi_thread")]
async fn silently_dead_connections_are_replaced() {
    let database = database!();
    database.store(1).await;
    let (store, proxy) = behind_proxy(&database, 3).await;
    let claim = |n| store.claim(claim_of(key(n), key(100 + n)));
    let (one, two) = tokio::join!(claim(1), claim(2));
    assert!(one.is_ok() && two.is_ok());
    proxy.set(Line::Stalled);
    let given_up = |n| timeout(Duration::from_millis(300), claim(n));
    let (one, two) = tokio::join!(given_up(3), given_up(4));
    assert!(one.is_err() && two.is_err(), "the line is stalled");
    proxy.set(Line::Open);
    // The server's limits are over first, because it could still be busy with the calls.
    let (one, two) = tokio::join!(claim(5), claim(6));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_21_nothing_runs_while_the_server_is_down() {
    let database = database!();
    database.store(1).await;
    let (store, proxy) = behind_proxy(&database, 2).await;
    let probe = Probe::default();
    let hooks = probe
        .hooks()
        .source(SOURCE)
        .rest(Rest::None)
        .store(store)
        .store_timeout(Duration::from_millis(500))
        .lease(Duration::from_secs(5));
    let hooks = hooks.build().unwrap();
    let delivery = event(EVENT, "e1");
    for line in [Line::Cut, Line::Stalled] {
        proxy.set(line);
        let reply = delivery.call(&hooks).await;
        assert!(reply.code() == 503 && reply.retry_after().is_some(), "{reply:?}");
    }
    assert_eq!(probe.count(), 0);
    proxy.set(Line::Open);
    // A claim with a lost response may block the event until its lease ends.
    until("it is handled", async || {
        let reply = delivery.call(&hooks).await;
        reply.code() == 200 && reply.outcome() == "handled"
    })
    .await;
}

/// A new pool, as after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_nothing() {
    let database = database!();
    let probe = Probe::default();
    for word in ["handled", "duplicate"] {
        let hooks = hooks(&probe).store(database.store(2).await).build().unwrap();
        assert_eq!(event(EVENT, "e1").call(&hooks).await.outcome(), word);
    }
    assert_eq!(probe.count(), 1);
}

/// The runtime ends in the middle of a run.
#[test]
fn case_16_after_its_runtime_ends_an_event_is_claimable_when_its_lease_is_over() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let Some(database) = first.block_on(Database::new()) else {
        return;
    };
    let delivery = event(EVENT, "e1");
    let probe = Probe::new([Step::Gate(Box::new(Step::Succeed))]);
    first.block_on(async {
        let store = database.store(2).await;
        let hooks = hooks(&probe).store(store).build().unwrap();
        let delivery = delivery.clone();
        tokio::spawn(async move { delivery.call(&hooks).await });
        probe.started().await;
    });
    drop(first);
    runtime().block_on(async {
        let hooks = hooks(&probe).store(database.store(2).await);
        let hooks = hooks.duplicate_wait(Duration::from_millis(1)).build().unwrap();
        let mut reply = delivery.call(&hooks).await;
        // The ending runtime may have given the claim back, with its attempt.
        let given_back = reply.code() != 503;
        if !given_back {
            let over = "UPDATE {}.records SET lease_end = 0";
            assert_eq!(execute(&database, &database.pool(1), over).await, 1);
            reply = delivery.call(&hooks).await;
        }
        reply.assert_handled();
        let attempt = if given_back { 1 } else { 2 };
        assert_eq!(probe.runs().last().map(|run| run.attempt), Some(attempt));
    });
}

/// A missing runtime is an error, not a panic.
#[test]
fn a_call_without_a_runtime_is_an_error() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(database) = runtime.block_on(Database::new()) else {
        return;
    };
    let store = runtime.block_on(database.store(2));
    let error: StoreError = futures_util::FutureExt::now_or_never(store.status(key(1)))
        .expect("at once")
        .unwrap_err();
    assert!(error.to_string().contains("runtime"), "{error}");
    drop(store);
}
