//! Receivers whose store cannot give what their handlers take. They are refused before any handler
//! runs.

use apideck_hooks::store::{
    Claim, Claimed, DeadLetterStore, End, Grant, Held, Key, Status, Store, StoreError,
};
use apideck_hooks::{BuildError, Hooks, MemoryStore, PostgresStore, Routes, SqliteStore, Tx, on, router};
use apideck_hooks_tests::directory::Directory;
use async_trait::async_trait;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Postgres, Sqlite};
use std::sync::Arc;
use std::time::Duration;

#[on("crm.lead.created")]
async fn plain() {}

#[on("vault.*")]
async fn in_postgres(_: Tx<Postgres>) {}

#[on("vault.*")]
async fn in_sqlite(_: Tx<Sqlite>) {}

fn build(router: impl Routes<apideck_hooks::NoState>, store: Arc<dyn Store>) -> Result<Hooks, BuildError> {
    Hooks::builder(router)
        .secret("key")
        .store(store)
        .source("build")
        .build()
}

/// A user's own store, without transactions.
struct Own(MemoryStore);

#[async_trait]
impl Store for Own {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.0.claim(claim).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.0.renew(grant, lease).await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        self.0.finish(grant, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.0.status(record).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.0.end_rest(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.0.dead_letters()
    }
}

#[cfg(unix)]
async fn redis() -> Option<(Arc<dyn Store>, apideck_hooks_tests::redis::Isolated)> {
    let isolated = apideck_hooks_tests::redis::Isolated::new().await?;
    Some((Arc::new(isolated.store().await), isolated))
}

#[cfg(not(unix))]
async fn redis() -> Option<(Arc<dyn Store>, ())> {
    None
}

#[tokio::test]
async fn a_store_without_the_transaction_is_refused_by_name() {
    let directory = Directory::default();
    // The test connects to none of these.
    let pool = PgPoolOptions::new()
        .connect_lazy("postgres://nobody@127.0.0.1:1/none")
        .unwrap();
    let postgres: Arc<dyn Store> = Arc::new(PostgresStore::new(pool));
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.file("hooks.db")).await.unwrap());
    let others: [(Arc<dyn Store>, &str); 2] = [
        (
            Arc::new(MemoryStore::default()),
            "MemoryStore`, gives no transactions",
        ),
        (
            Arc::new(Own(MemoryStore::default())),
            "Own`, gives no transactions",
        ),
    ];
    let mut others = Vec::from(others);
    let redis = redis().await;
    if let Some((store, _)) = &redis {
        others.push((Arc::clone(store), "RedisStore`, gives no transactions"));
    }
    for (store, words) in others {
        for (error, handler) in [
            (
                build(router![plain, in_postgres, ..], Arc::clone(&store)),
                "`in_postgres` takes `Tx<Postgres>`",
            ),
            (
                build(router![plain, in_sqlite, ..], Arc::clone(&store)),
                "`in_sqlite` takes `Tx<Sqlite>`",
            ),
        ] {
            let error = error.unwrap_err();
            assert!(error.is_transaction() && !error.is_limit(), "{error}");
            let error = error.to_string();
            assert!(error.contains(words) && error.contains(handler), "{error}");
        }
        build(router![plain, ..], store).unwrap();
    }
    let error = build(router![plain, in_sqlite, ..], Arc::clone(&postgres)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("gives `Tx<Postgres>`: call `.store(…)` with a `SqliteStore`"),
        "{error}"
    );
    let error = build(router![plain, in_postgres, ..], Arc::clone(&sqlite)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("gives `Tx<Sqlite>`: call `.store(…)` with a `PostgresStore`"),
        "{error}"
    );
    // An `Arc` of a store has the transactions of the store.
    build(router![plain, in_postgres, ..], postgres).unwrap();
    build(router![plain, in_sqlite, ..], sqlite).unwrap();
}

/// Two connections of the pool are left to others, so none would be left for a handler.
#[tokio::test]
async fn a_pool_without_a_connection_for_a_transaction_is_refused() {
    let pool = |connections| {
        let pool = PgPoolOptions::new().max_connections(connections);
        pool.connect_lazy("postgres://nobody@127.0.0.1:1/none").unwrap()
    };
    let none = PostgresStore::builder(pool(10)).transactions(0).build().unwrap();
    let stores = [PostgresStore::new(pool(1)), PostgresStore::new(pool(2)), none];
    for store in stores {
        let store: Arc<dyn Store> = Arc::new(store);
        let error = build(router![plain, in_postgres, ..], Arc::clone(&store)).unwrap_err();
        assert!(error.is_limit() && !error.is_transaction(), "{error}");
        let error = error.to_string();
        for words in ["`in_postgres` takes `Tx<Postgres>`", "at least 3 connections"] {
            assert!(error.contains(words), "{error}");
        }
        build(router![plain, ..], store).unwrap();
    }
    build(router![in_postgres, ..], Arc::new(PostgresStore::new(pool(3)))).unwrap();
}

/// While a transaction is open, claims of other events wait. They would be given up before its
/// limit.
#[tokio::test]
async fn a_limit_of_transactions_that_outlasts_a_call_is_refused() {
    const CALL: Duration = Duration::from_secs(3);
    let directory = Directory::default();
    let store = |limit| {
        let store = SqliteStore::builder(directory.file(&format!("{limit:?}.db")));
        store.tx_limit(limit).open()
    };
    let long: Arc<dyn Store> = Arc::new(store(CALL).await.unwrap());
    let short: Arc<dyn Store> = Arc::new(store(CALL - Duration::from_millis(1)).await.unwrap());
    let hooks = |store: &Arc<dyn Store>, lease| {
        Hooks::builder(router![plain, in_sqlite, ..])
            .secret("key")
            .store(Arc::clone(store))
            .store_timeout(CALL)
            .lease(lease)
            .build()
    };
    // A call takes at most half of the lease.
    for (store, lease) in [(&long, 10 * CALL), (&short, CALL)] {
        let error = hooks(store, lease).unwrap_err();
        assert!(error.is_limit() && !error.is_transaction(), "{error}");
        let error = error.to_string();
        for words in ["`in_sqlite` takes `Tx<Sqlite>`", "`tx_limit`", "`store_timeout`"] {
            assert!(error.contains(words), "{error}");
        }
    }
    hooks(&short, 2 * CALL).unwrap();
    let without = Hooks::builder(router![plain, ..]).secret("key").store(long);
    without.store_timeout(CALL).build().unwrap();
}
