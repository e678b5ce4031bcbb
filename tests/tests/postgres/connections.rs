//! Connections of the pool, which queries pass on to each other.

use super::{LEASE, database, key};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claim, End, Held, Store, Verdict};
use apideck_hooks_tests::waiting::{GENEROUS, ends};
use futures_util::future::join_all;
use sqlx::postgres::PgPoolOptions;
use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::time::Instant;

async fn handle(store: &PostgresStore, n: u64) {
    let claim = Claim::new(key(n), Some(key(1_000_000 + n)), LEASE);
    let Verdict::Granted { token, .. } = store.claim(claim).await.unwrap().verdict else {
        panic!("it is new")
    };
    assert_eq!(store.finish(key(n), token, End::Done).await.unwrap(), Held::Yes);
}

/// The pool pings a connection that is released. The store releases it when it is idle, not after
/// each query.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_passes_from_query_to_query() {
    let database = database!();
    database.store(1).await;
    let releases = Arc::new(AtomicU32::new(0));
    let pool = PgPoolOptions::new().max_connections(1).after_release({
        let releases = Arc::clone(&releases);
        move |_, _| {
            releases.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(true) })
        }
    });
    let pool = pool.connect_with(database.options.clone()).await.unwrap();
    let store = PostgresStore::builder(pool).schema(&database.schema);
    let store = Arc::new(store.build().unwrap());
    let start = Instant::now();
    let tasks = (0..8).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..50 {
                handle(&store, task * 100 + n).await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    // A connection is released after 5 ms of idle time. A slow machine leaves more such times.
    let most = start.elapsed().as_millis() / 5 + 2;
    let releases = u128::from(releases.load(Ordering::SeqCst));
    assert!(
        releases <= most,
        "{releases} of 800 calls in {:?}",
        start.elapsed()
    );
}

/// Queries without a pause leave connections of the pool to other users.
#[tokio::test(flavor = "multi_thread")]
async fn other_users_of_the_pool_get_connections() {
    let database = database!();
    database.store(1).await;
    let pool = database.pool(1);
    let store = PostgresStore::builder(pool.clone()).schema(&database.schema);
    let store = Arc::new(store.build().unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let tasks = (0..4).map(|task| {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            for n in 0.. {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                handle(&store, task * 100_000 + n).await;
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for _ in 0..5 {
        let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.unwrap();
        assert_eq!(one, 1);
    }
    done.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    // The close of a pool waits for all connections.
    ends("the close of the pool", pool.close()).await;
    let claimed = store.claim(Claim::new(key(1), None, LEASE)).await;
    assert!(claimed.is_err(), "{claimed:?}");
}

/// A connection ends with the runtime in which it was made.
#[test]
fn a_store_outlives_a_runtime() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let store = first.block_on(async {
        let database = apideck_hooks_tests::postgres::Database::new().await?;
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
        let database = apideck_hooks_tests::postgres::Database::new().await?;
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
            let claim = store.claim(Claim::new(key(step), None, LEASE));
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
