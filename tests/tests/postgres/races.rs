//! Races of clients.

use super::{LEASE, blocked_by, database, execute, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claim, Claimed, End, Held, Key, MAX_ALIASES, Store, Verdict};
use apideck_hooks_tests::postgres::Database;
use futures_util::future::join_all;
use sqlx::AssertSqlSafe;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Barrier, Mutex};

const CLIENTS: u64 = 32;

/// Lets all clients claim the same keys at once. Returns the claims of each client.
async fn race<C, F>(stores: &[Arc<PostgresStore>], keys: u64, claim: C) -> Vec<Vec<Claimed>>
where
    C: Fn(Arc<PostgresStore>, u64, u64) -> F + Copy + Send + 'static,
    F: Future<Output = Claimed> + Send,
{
    let barrier = Arc::new(Barrier::new(stores.len()));
    let clients = stores.iter().zip(0..).map(|(store, client)| {
        let (store, barrier) = (Arc::clone(store), Arc::clone(&barrier));
        tokio::spawn(async move {
            let mut claims = Vec::new();
            for n in 0..keys {
                // Waits now and then, so that no client falls far behind.
                if n % 8 == 0 {
                    barrier.wait().await;
                }
                claims.push(claim(Arc::clone(&store), client, n).await);
            }
            claims
        })
    });
    join_all(clients)
        .await
        .into_iter()
        .map(|claims| claims.expect("one row per call"))
        .collect()
}

fn winners(claims: &[Vec<Claimed>], n: usize) -> usize {
    let granted = |claimed: &Claimed| matches!(claimed.verdict, Verdict::Granted { .. });
    claims.iter().filter(|claims| granted(&claims[n])).count()
}

/// Allows one race at a time, because 32 connections are a third of the limit of a server.
static RACE: Mutex<()> = Mutex::const_new(());

async fn clients(database: &Database) -> Vec<Arc<PostgresStore>> {
    let mut stores = Vec::new();
    for _ in 0..CLIENTS {
        stores.push(Arc::new(database.store(1).await));
    }
    stores
}

#[tokio::test(flavor = "multi_thread")]
async fn case_27_a_race_of_32_clients_has_one_row_per_claim_and_one_winner_per_key() {
    const KEYS: u64 = 1500;
    let database = database!();
    let _alone = RACE.lock().await;
    let stores = clients(&database).await;
    let claims = race(&stores, KEYS, |store, client, n| async move {
        // A quarter of the clients shares a delivery key, a quarter has none, the others have their
        // own.
        let delivery = match client % 4 {
            0 => Some(key(1_000_000 + n)),
            1 => None,
            _ => Some(key(2_000_000 + n * CLIENTS + client)),
        };
        let claimed = store.claim(Claim::new(key(n), delivery, LEASE)).await;
        claimed.expect("one row")
    })
    .await;
    for n in 0..KEYS as usize {
        assert_eq!(winners(&claims, n), 1, "key {n}");
        assert!(claims.iter().all(|claims| claims[n].record == key(n as u64)));
    }
    let pool = database.pool(1);
    let keys = "SELECT count(delivery) FROM {}.records";
    let most = "SELECT max(count) FROM (
        SELECT count(delivery) FROM {}.records GROUP BY coalesce(alias_of, record)
    ) counts";
    let counted = "SELECT sum(keys) FROM {}.records";
    assert_eq!(number(&database, &pool, most).await, MAX_ALIASES as i64);
    assert_eq!(
        number(&database, &pool, keys).await,
        number(&database, &pool, counted).await
    );
}

/// The first client decides which event a delivery key names.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_32_clients_binds_the_delivery_key() {
    let database = database!();
    let _alone = RACE.lock().await;
    let stores = clients(&database).await;
    race_for_delivery_keys(&stores, 300).await;
    let pool = database.pool(1);
    let records = number(&database, &pool, "SELECT count(*) FROM {}.records").await;
    assert_eq!(records, 300);
}

/// The delivery key named another event, whose record has expired.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_32_clients_rebinds_an_expired_delivery_key() {
    let database = database!();
    let _alone = RACE.lock().await;
    let stores = clients(&database).await;
    for n in 0..300 {
        let claim = Claim::new(key(2_000_000 + n), Some(key(1_000_000 + n)), LEASE);
        let Verdict::Granted { token, .. } = stores[0].claim(claim).await.unwrap().verdict else {
            panic!("it is new")
        };
        let held = stores[0].finish(claim.event, token, End::Done).await;
        assert_eq!(held.unwrap(), Held::Yes);
    }
    let age = "UPDATE {}.records SET changed_at = changed_at - interval '8 days'";
    execute(&database, &database.pool(1), age).await;
    race_for_delivery_keys(&stores, 300).await;
}

async fn race_for_delivery_keys(stores: &[Arc<PostgresStore>], keys: u64) {
    let claims = race(stores, keys, |store, client, n| async move {
        let claim = Claim::new(key(n * CLIENTS + client), Some(key(1_000_000 + n)), LEASE);
        let claimed = store.claim(claim).await.expect("one row");
        // The end is recorded at once, so that records change under later claims.
        if let Verdict::Granted { token, .. } = claimed.verdict {
            let held = store.finish(claimed.record, token, End::Done).await;
            assert_eq!(held.expect("a result"), Held::Yes);
        }
        claimed
    })
    .await;
    for n in 0..keys as usize {
        assert_eq!(winners(&claims, n), 1, "delivery key {n}");
        let first = claims[0][n].record;
        assert!(claims.iter().all(|claims| claims[n].record == first));
    }
}

/// Another claim creates the record while a claim waits for the lock of another row. The waiting
/// claim must not lock the rows out of order.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_created_during_a_lock_wait_is_locked_in_order() {
    let database = database!();
    let store = Arc::new(database.store(4).await);
    let (event, holder, delivery) = (key(1), key(2), key(3));
    let Verdict::Granted { token, .. } = store
        .claim(Claim::new(holder, Some(delivery), LEASE))
        .await
        .unwrap()
        .verdict
    else {
        panic!("it is new")
    };
    assert_eq!(store.finish(holder, token, End::Done).await.unwrap(), Held::Yes);
    let pool = database.pool(3);
    execute(
        &database,
        &pool,
        "UPDATE {}.records SET changed_at = changed_at - interval '8 days'",
    )
    .await;
    let lock = |record| {
        let sql = "SELECT FROM {}.records WHERE record = $1 FOR UPDATE".replace("{}", &database.schema);
        sqlx::query(AssertSqlSafe(sql)).bind(Key::to_bytes(record))
    };
    let mut first = pool.begin().await.unwrap();
    lock(holder).execute(&mut *first).await.unwrap();
    // The record of the delivery key has expired. The row of the delivery key is locked after the
    // row of the event, which does not exist yet.
    let claim = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.claim(Claim::new(event, Some(delivery), LEASE)).await })
    };
    blocked_by(&mut first, &pool).await;
    let made = store.claim(Claim::new(event, None, LEASE)).await.unwrap();
    assert!(matches!(made.verdict, Verdict::Granted { .. }));
    let mut second = pool.begin().await.unwrap();
    lock(event).execute(&mut *second).await.unwrap();
    first.rollback().await.unwrap();
    blocked_by(&mut second, &pool).await;
    lock(holder)
        .execute(&mut *second)
        .await
        .expect("a waiting claim holds no lock that comes later in the order");
    second.rollback().await.unwrap();
    let claimed = claim.await.unwrap().expect("no deadlock");
    assert!(matches!(claimed.verdict, Verdict::Running { .. }), "{claimed:?}");
    assert_eq!(claimed.record, event);
}

/// Delivery keys expire at once and are bound crosswise, while two sweepers run. No claim is
/// granted twice.
#[tokio::test(flavor = "multi_thread")]
async fn claims_and_sweepers_do_not_deadlock() {
    let database = database!();
    let mut stores = Vec::new();
    for _ in 0..16 {
        let store = database
            .builder(1)
            .retention(Duration::from_millis(1))
            .build()
            .unwrap();
        store.migrate().await.unwrap();
        stores.push(Arc::new(store));
    }
    let held: Arc<Vec<AtomicBool>> = Arc::new((0..12).map(|_| AtomicBool::new(false)).collect());
    let done = Arc::new(AtomicBool::new(false));
    let sweepers = stores.drain(..2).map(|store| {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut swept = 0;
            while !done.load(Ordering::SeqCst) {
                swept += store.sweep().await.expect("a sweep");
            }
            swept
        })
    });
    let sweepers: Vec<_> = sweepers.collect();
    let clients = stores.into_iter().zip(0_u64..).map(|(store, client)| {
        let held = Arc::clone(&held);
        tokio::spawn(async move {
            for n in 0..400 {
                let event = (n * 5 + client) % 12;
                let delivery = key(100 + (n * 7 + client * 3) % 11);
                let claim = Claim::new(key(event), Some(delivery), LEASE);
                let claimed = store.claim(claim).await.expect("a claim");
                let Verdict::Granted { token, .. } = claimed.verdict else {
                    continue;
                };
                let index = (0..12).find(|n| key(*n) == claimed.record).expect("an event");
                assert!(!held[index as usize].swap(true, Ordering::SeqCst), "held twice");
                tokio::task::yield_now().await;
                held[index as usize].store(false, Ordering::SeqCst);
                let end = if n % 3 == 0 { End::Release } else { End::Done };
                assert_eq!(store.finish(claimed.record, token, end).await.unwrap(), Held::Yes);
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let mut swept = 0;
    for sweeper in sweepers {
        swept += sweeper.await.unwrap();
    }
    assert!(swept > 0);
}
