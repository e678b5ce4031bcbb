//! The store's own connections.

use super::{EVENT, LEASE, claim_of, database, execute, granted, hooks, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{End, Held, RecordState, Store, Verdict};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::postgres::{Database, pool};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::waiting::{GENEROUS, until};
use futures_util::future::join_all;
use sqlx::AssertSqlSafe;
use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn handle(store: &PostgresStore, n: u64) {
    let (grant, _) = granted(store, claim_of(key(n), key(1_000_000 + n))).await;
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
}

/// Counts the server processes with the name of the schema.
const PROCESSES: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'";

/// A store whose server processes can be counted.
fn named(database: &Database, connections: u32) -> PostgresStore {
    let options = database.options.clone().application_name(&database.schema);
    let store = PostgresStore::builder(pool(options, 2)).schema(&database.schema);
    store.connections(connections).build().unwrap()
}

/// A table is locked while deliveries come. The receiver gives each claim up, and the server
/// processes stay at the pool's size. After that no claim has been counted that nobody got.
#[tokio::test(flavor = "multi_thread")]
async fn case_36_a_locked_table_costs_no_process_no_lease_and_no_attempt() {
    const SIZE: i64 = 5;
    let database = database!();
    let store = Arc::new(named(&database, SIZE as u32));
    store.migrate().await.unwrap();
    let (other, locker) = (database.pool(1), database.pool(1));
    let probe = Probe::default();
    let receiver = hooks(&probe)
        .store(Arc::clone(&store))
        .lease(Duration::from_secs(300))
        .store_timeout(Duration::from_millis(300))
        .duplicate_wait(Duration::from_millis(300));
    let receiver = receiver.build().unwrap();
    // The first delivery probes and starts the sweeper.
    until("the store is ready", async || {
        event(EVENT, "warm").call(&receiver).await.code() == 200
    })
    .await;
    let mut lock = locker.begin().await.unwrap();
    let sql = "LOCK TABLE {}.records, {}.aliases".replace("{}", &database.schema);
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *lock).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let senders = (0..64).map(|sender| {
        let (hooks, stop) = (receiver.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let delivery = event(EVENT, &format!("e{sender}"));
            let mut refused = 0;
            while !stop.load(Ordering::SeqCst) {
                delivery.call(&hooks).await.assert_status(503);
                refused += 1;
            }
            refused
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut most = 0;
    for _ in 0..8 {
        // The least of some looks, because a process ends a moment after its connection was closed.
        let mut least = i64::MAX;
        for _ in 0..10 {
            least = least.min(number(&database, &other, PROCESSES).await);
            sleep(Duration::from_millis(100)).await;
        }
        most = most.max(least);
    }
    stop.store(true, Ordering::SeqCst);
    let mut refused = 0;
    for sender in senders {
        refused += sender.await.unwrap();
    }
    assert!(refused > 200, "{refused}");
    assert_eq!(probe.count(), 1);
    lock.rollback().await.unwrap();
    assert!((1..=SIZE).contains(&most), "{most} processes");
    // What the lock held up ends now, and what was granted to nobody is withdrawn.
    // A claim can still be granted after a look that found none.
    let left = "SELECT count(*) FROM {}.records WHERE phase = 0 OR (phase <> 1 AND attempts > 0)";
    until("no record is running, and no attempt was counted", async || {
        number(&database, &other, left).await == 0
    })
    .await;
    for sender in 0..64 {
        let delivery = event(EVENT, &format!("e{sender}"));
        until("it is handled", async || {
            delivery.call(&receiver).await.code() == 200
        })
        .await;
    }
    assert!(probe.runs().iter().all(|run| run.attempt == 1));
    assert_eq!(probe.count(), 65);
}

/// A claim whose caller is gone is cancelled, or withdrawn if it was granted before.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_claim_has_no_effect() {
    let database = database!();
    let store = database.store(4).await;
    granted(&store, claim_of(key(0), None)).await;
    for n in 1..300 {
        let claim = claim_of(key(n), key(1000 + n));
        let _ = timeout(Duration::from_micros(n * 10), store.claim(claim.clone())).await;
        // The same claim waits for the withdrawal, and another one is not in its way.
        let (grant, attempt) = granted(&store, claim).await;
        assert_eq!(attempt, 1);
        assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
        let claim = claim_of(key(2000 + n), key(3000 + n));
        let dropped = timeout(Duration::from_micros(n * 10), store.claim(claim)).await;
        if let Ok(claimed) = dropped {
            assert!(matches!(claimed.unwrap().verdict, Verdict::Granted { .. }));
            continue;
        }
        until("it is not running", async || {
            let status = store.status(key(2000 + n)).await.unwrap();
            !matches!(status.state, RecordState::Running { .. }) && status.attempts == 0
        })
        .await;
    }
}

/// A dropped end has happened or has not. Its connection carries no response into the next call.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_end_does_not_disturb_the_next_call() {
    let database = database!();
    let store = database.store(4).await;
    for n in 0..300 {
        let (grant, _) = granted(&store, claim_of(key(n), None)).await;
        let _ = timeout(Duration::from_micros(n * 10), store.finish(grant, End::Done)).await;
        let release = End::Release { rest: Duration::ZERO };
        let held = store.finish(grant, release).await.unwrap();
        let after = store.claim(claim_of(key(n), None)).await.unwrap();
        match held {
            Held::Yes => assert!(matches!(after.verdict, Verdict::Granted { attempt: 2, .. })),
            Held::Lost => assert_eq!(after.verdict, Verdict::Done),
            other => panic!("{other:?}"),
        }
    }
}

/// The limits of the store's connections are not those of the pool, and the pool may be exhausted.
#[tokio::test(flavor = "multi_thread")]
async fn the_pool_keeps_its_settings_and_its_connections() {
    let database = database!();
    database.store(1).await;
    let pool = database.pool(1);
    let store = PostgresStore::builder(pool.clone()).schema(&database.schema);
    let store = store.build().unwrap();
    let mut connection = pool.acquire().await.unwrap();
    for n in 0..20 {
        handle(&store, n).await;
    }
    for (setting, own) in [("lock_timeout", "5s"), ("statement_timeout", "10s")] {
        let sql = "SELECT current_setting($1)";
        let given: String = sqlx::query_scalar(sql)
            .bind(setting)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(given, "0", "{setting}, which is {own} for the store");
    }
    drop(connection);
    pool.close().await;
    let claimed = store.claim(claim_of(key(100), None)).await;
    assert!(claimed.is_err(), "{claimed:?}");
}

/// The server gives a statement up that waits for a lock, also if nobody drops it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_waited_for_five_seconds() {
    let database = database!();
    let (store, other) = (database.store(1).await, database.pool(1));
    let (grant, _) = granted(&store, claim_of(key(1), None)).await;
    let mut lock = other.begin().await.unwrap();
    let sql = "SELECT FROM {}.records FOR UPDATE".replace("{}", &database.schema);
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *lock).await.unwrap();
    let error = store.renew(grant, LEASE).await.unwrap_err().to_string();
    assert!(error.contains("lock timeout"), "{error}");
    lock.rollback().await.unwrap();
    assert_eq!(store.renew(grant, LEASE).await.unwrap(), Held::Yes);
}

/// A stricter default makes no claim fail that meets another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_serializable_default_does_not_matter() {
    let database = database!();
    database.store(1).await;
    let options = database.options.clone();
    let options = options.options([("default_transaction_isolation", "serializable")]);
    let store = PostgresStore::builder(pool(options, 4)).schema(&database.schema);
    let store = Arc::new(store.connections(9).build().unwrap());
    for n in 0..50 {
        let claims = (0..8).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { verdict_of(&store, n).await })
        });
        let mut granted = 0;
        for verdict in join_all(claims).await {
            granted += usize::from(matches!(verdict.unwrap(), Verdict::Granted { .. }));
        }
        assert_eq!(granted, 1);
    }
}

async fn verdict_of(store: &PostgresStore, n: u64) -> Verdict {
    super::verdict(store, claim_of(key(n), key(1000 + n))).await
}

/// A connection ends with the runtime in which it was made.
#[test]
fn a_store_outlives_a_runtime() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let store = first.block_on(async {
        let database = Database::new().await?;
        Some((database.store(2).await, database))
    });
    let Some((store, _database)) = store else {
        return;
    };
    first.block_on(handle(&store, 1));
    drop(first);
    runtime().block_on(handle(&store, 2));
    // The drop happens outside of any runtime.
    drop(store);
}

/// A query can end while its runtime shuts down, at any of its steps, and nothing hangs.
#[test]
fn a_query_can_end_while_its_runtime_shuts_down() {
    let Some(database) = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let database = Database::new().await?;
        database.store(1).await;
        Some(database)
    }) else {
        return;
    };
    for step in 1.. {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel();
        let handle = runtime.handle().clone();
        let store = runtime.block_on(async { database.builder(1).build().unwrap() });
        runtime.spawn(async move {
            let claim = store.claim(claim_of(key(step), None));
            let mut claim = std::pin::pin!(claim);
            let mut polls = 0;
            let claimed = poll_fn(|cx| {
                polls += 1;
                if polls == step {
                    stop.send(()).unwrap();
                    // Waits until the runtime takes no more tasks.
                    while !handle.spawn(pending::<()>()).is_finished() {
                        std::thread::yield_now();
                    }
                }
                let polled = claim.as_mut().poll(cx);
                if polls == step {
                    end.send(polled.is_ready()).unwrap();
                }
                polled
            });
            claimed.await.unwrap();
        });
        // The sender is gone if the claim had fewer steps.
        if stopped.recv().is_err() {
            assert!(step > 1);
            return;
        }
        runtime.shutdown_background();
        let ready = ended.recv_timeout(GENEROUS).expect("it hangs");
        println!("step {step}: {ready}");
    }
}

/// A connection that the server has closed costs no error.
#[tokio::test(flavor = "multi_thread")]
async fn closed_connections_are_replaced() {
    let database = database!();
    let (store, other) = (named(&database, 5), database.pool(1));
    store.migrate().await.unwrap();
    for n in 0..5 {
        handle(&store, n).await;
        let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'";
        execute(&database, &other, close).await;
        until("they are closed", async || {
            number(&database, &other, PROCESSES).await == 0
        })
        .await;
    }
}
