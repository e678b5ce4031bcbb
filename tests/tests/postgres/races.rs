//! Races of clients.

use super::{age, claim_of, database, execute, granted, key, number};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claimed, End, Grant, Held, Store, Verdict};
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
        let alias = match client % 4 {
            0 => Some(key(1_000_000 + n)),
            1 => None,
            _ => Some(key(2_000_000 + n * CLIENTS + client)),
        };
        store.claim(claim_of(key(n), alias)).await.expect("one row")
    })
    .await;
    for n in 0..KEYS as usize {
        assert_eq!(winners(&claims, n), 1, "key {n}");
        assert!(claims.iter().all(|claims| claims[n].record == key(n as u64)));
    }
    // Only the winner binds its delivery key.
    let pool = database.pool(1);
    let most = "SELECT max(count) FROM (SELECT count(*) FROM {}.aliases GROUP BY record) counts";
    assert_eq!(number(&database, &pool, most).await, 1);
}

/// Events race for one delivery key. One of them binds it, and the others use that one's record, as
/// if they had come later (Case 5).
#[tokio::test(flavor = "multi_thread")]
async fn case_05_the_first_of_32_clients_binds_the_delivery_key() {
    let database = database!();
    let _alone = RACE.lock().await;
    let stores = clients(&database).await;
    race_for_delivery_keys(&stores, 300).await;
    let pool = database.pool(1);
    for (table, rows) in [("records", 300), ("aliases", 300)] {
        let sql = format!("SELECT count(*) FROM {{}}.{table}");
        assert_eq!(number(&database, &pool, &sql).await, rows, "{table}");
    }
}

/// The delivery key named another event, whose record has expired or is gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_32_clients_rebinds_the_delivery_key_of_an_expired_record() {
    let database = database!();
    let _alone = RACE.lock().await;
    let stores = clients(&database).await;
    for n in 0..300 {
        let claim = claim_of(key(2_000_000 + n), key(1_000_000 + n));
        let (grant, _) = granted(&stores[0], claim).await;
        assert_eq!(stores[0].finish(grant, End::Done).await.unwrap(), Held::Yes);
    }
    let pool = database.pool(1);
    age(&database, &pool, Duration::from_secs(8 * 24 * 60 * 60)).await;
    execute(
        &database,
        &pool,
        "DELETE FROM {}.records WHERE get_byte(key, 7) % 2 = 0",
    )
    .await;
    race_for_delivery_keys(&stores, 300).await;
}

async fn race_for_delivery_keys(stores: &[Arc<PostgresStore>], keys: u64) {
    let claims = race(stores, keys, |store, client, n| async move {
        let claim = claim_of(key(n * CLIENTS + client), key(1_000_000 + n));
        let id = claim.id;
        let claimed = store.claim(claim).await.expect("one row");
        // The end is recorded at once, so that records change under later claims.
        if let Verdict::Granted { token, .. } = claimed.verdict {
            let grant = Grant::new(claimed.record, token, id);
            let held = store.finish(grant, End::Done).await;
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

/// Records and delivery keys expire at once and are bound crosswise, while two sweepers run. No
/// claim is granted twice, and nothing deadlocks.
#[tokio::test(flavor = "multi_thread")]
async fn claims_and_sweepers_do_not_deadlock() {
    let database = database!();
    let mut stores = Vec::new();
    for _ in 0..16 {
        let store = database.builder(1).retention(Duration::ZERO).build().unwrap();
        store.migrate().await.unwrap();
        stores.push(Arc::new(store));
    }
    let held: Arc<Vec<AtomicBool>> = Arc::new((0..12).map(|_| AtomicBool::new(false)).collect());
    let done = Arc::new(AtomicBool::new(false));
    let sweepers = stores.drain(..2).map(|store| {
        let (done, pool) = (Arc::clone(&done), database.pool(1));
        let expire = [
            "UPDATE {}.records SET expires = 0 WHERE phase <> 0",
            "UPDATE {}.aliases SET expires = 0",
        ];
        let expire = expire.map(|sql| sql.replace("{}", &database.schema));
        tokio::spawn(async move {
            let mut swept = 0;
            while !done.load(Ordering::SeqCst) {
                for sql in &expire {
                    // A sweeper may have locked the rows in another order.
                    let _ = sqlx::query(AssertSqlSafe(sql.clone())).execute(&pool).await;
                }
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
                let claim = claim_of(key(event), key(100 + (n * 7 + client * 3) % 11));
                let id = claim.id;
                let claimed = store.claim(claim).await.expect("a claim");
                let Verdict::Granted { token, .. } = claimed.verdict else {
                    continue;
                };
                let index = (0..12).find(|n| key(*n) == claimed.record).expect("an event");
                assert!(!held[index as usize].swap(true, Ordering::SeqCst), "held twice");
                tokio::task::yield_now().await;
                held[index as usize].store(false, Ordering::SeqCst);
                let release = End::Release { rest: Duration::ZERO };
                let end = if n % 3 == 0 { release } else { End::Done };
                let grant = Grant::new(claimed.record, token, id);
                assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
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
