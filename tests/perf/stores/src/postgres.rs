//! The PostgreSQL store, beside an insert and an update.

use crate::Bench;
use crate::subject::{Keys, Ours, Remember, Subject};
use apideck_hooks::signature::Form;
use apideck_hooks::store::Key;
use apideck_hooks::{Hooks, PostgresStore, Tx, events::ConnectionCreated, on, router};
use hyper::service::Service;
use perf::event;
use perf::store::key;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool, Postgres};
use std::hint::black_box;

const URL: &str = "APIDECK_HOOKS_TEST_DATABASE_URL";
const DEFAULT_URL: &str = "postgres://postgres@127.0.0.1:5432/test";
/// The connections of each pool, and those that a store has for its statements. Together they stay
/// below the limit of a server.
const CONNECTIONS: u32 = 12;
const EVENTS: [u64; 2] = [400, 4_000];

const TABLES: &str = "
    SET client_min_messages = warning;
    DROP SCHEMA IF EXISTS apideck_hooks_perf CASCADE;
    CREATE SCHEMA apideck_hooks_perf;
    CREATE TABLE apideck_hooks_perf.by_hand (key bytea PRIMARY KEY, done boolean NOT NULL);
    CREATE TABLE apideck_hooks_perf.deliveries (key bytea PRIMARY KEY, event bytea NOT NULL);
    CREATE TABLE apideck_hooks_perf.effects (event text NOT NULL)";
const INSERT: &str = "INSERT INTO apideck_hooks_perf.by_hand VALUES ($1, false) ON CONFLICT DO NOTHING";
const INSERT_BOTH: &str = "
    WITH delivery AS (INSERT INTO apideck_hooks_perf.deliveries VALUES ($2, $1) ON CONFLICT DO NOTHING)
    INSERT INTO apideck_hooks_perf.by_hand VALUES ($1, false) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE apideck_hooks_perf.by_hand SET done = true WHERE key = $1";
/// The numbers of the events of each way by hand, because all write into the same table.
const BOTH: u64 = 1 << 40;
const TRANSACTION: u64 = 1 << 41;
/// What the handler writes into its own table.
const EFFECT: &str = "INSERT INTO apideck_hooks_perf.effects VALUES ($1)";

/// One statement and one commit for each operation.
struct ByHand {
    pool: PgPool,
    keys: Keys,
}

impl Remember for ByHand {
    async fn remember(&self, n: u64) {
        let event = match self.keys {
            Keys::Event => n,
            Keys::EventAndDelivery => n + BOTH,
        };
        insert(&self.pool, event, self.keys).await;
        execute(&self.pool, UPDATE, &[key(event)]).await;
    }
}

async fn insert(pool: &PgPool, n: u64, keys: Keys) {
    match keys {
        Keys::Event => execute(pool, INSERT, &[key(n)]).await,
        Keys::EventAndDelivery => execute(pool, INSERT_BOTH, &[key(n), key(!n)]).await,
    }
}

async fn execute(executor: impl Executor<'_, Database = Postgres>, sql: &'static str, keys: &[Key]) {
    let keys = keys.iter().map(|key| key.to_bytes());
    let query = keys.fold(sqlx::query(sql), |query, key| query.bind(key));
    let changed = query.execute(executor).await.expect("a statement");
    assert_eq!(changed.rows_affected(), 1);
}

/// An insert, then a transaction of the handler's effects and of the update.
struct TransactionByHand(PgPool);

impl Remember for TransactionByHand {
    async fn remember(&self, n: u64) {
        // The receiver beside it makes a request, too, and it has both keys.
        black_box(event::request(n, Form::Raw));
        insert(&self.0, n + TRANSACTION, Keys::EventAndDelivery).await;
        let mut transaction = self.0.begin().await.expect("a transaction");
        let effect = sqlx::query(EFFECT).bind(format!("{n:012x}"));
        effect.execute(&mut *transaction).await.expect("an effect");
        execute(&mut *transaction, UPDATE, &[key(n + TRANSACTION)]).await;
        transaction.commit().await.expect("a commit");
    }
}

/// A receiver whose handler takes the store's transaction.
struct Transactional(Hooks);

#[on("vault.connection.created")]
async fn created(event: ConnectionCreated, mut tx: Tx<Postgres>) -> sqlx::Result<()> {
    let effect = sqlx::query(EFFECT).bind(&event.event_id);
    effect.execute(&mut *tx).await?;
    Ok(())
}

impl Remember for Transactional {
    async fn remember(&self, n: u64) {
        let response = self.0.call(event::request(n, Form::Raw)).await;
        assert_eq!(response.expect("it cannot fail").status(), 200);
    }
}

async fn pool(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        // The test would cost a round trip of its own, and make all ways look alike.
        .test_before_acquire(false);
    pool.connect(url).await
}

pub(crate) async fn measure(bench: &mut Bench) {
    let named = std::env::var(URL).ok();
    let url = named.as_deref().unwrap_or(DEFAULT_URL);
    let plain = match pool(url, CONNECTIONS).await {
        Ok(pool) => pool,
        Err(error) if named.is_some() => panic!("no server at {URL}: {error}"),
        Err(error) => return eprintln!("SKIPPED: PostgreSQL, because none is at {DEFAULT_URL}: {error}"),
    };
    plain.execute(sqlx::raw_sql(TABLES)).await.expect("tables");
    let another = async |connections| pool(url, connections).await.expect("more connections");
    let store = async |pool, prefix| {
        let store = PostgresStore::builder(pool).schema("apideck_hooks_perf");
        // One more cancels.
        let store = store.connections(CONNECTIONS + 1).prefix(prefix);
        let store = store.build().expect("valid names");
        store.migrate().await.expect("a migration");
        store
    };
    let ours = async |prefix, keys| Ours {
        store: store(plain.clone(), prefix).await,
        keys,
    };
    let hooks = Hooks::builder(router![created, ..])
        .secret(event::SECRET)
        .source("perf");
    let hooks = hooks.store(store(another(CONNECTIONS).await, "tx_").await);
    let hooks = hooks.build().expect("a receiver");
    let by_hand = |keys| ByHand {
        pool: plain.clone(),
        keys,
    };
    let mut subjects = [
        Subject::new("postgres", EVENTS, ours("both_", Keys::EventAndDelivery).await),
        Subject::new("postgres by hand", EVENTS, by_hand(Keys::EventAndDelivery)),
        Subject::new("postgres, one key", EVENTS, ours("one_", Keys::Event).await),
        Subject::new("postgres by hand, one key", EVENTS, by_hand(Keys::Event)),
        Subject::new("postgres with `Tx`", EVENTS, Transactional(hooks)),
        Subject::new(
            "postgres by hand, with a transaction",
            EVENTS,
            // As many as the pool and the store beside it have.
            TransactionByHand(another(2 * CONNECTIONS + 1).await),
        ),
    ];
    bench.measure(&mut subjects).await;
    let [both, both_by_hand, one, one_by_hand, tx, tx_by_hand] = &subjects;
    bench.check(both, both_by_hand, [0.8, 0.7]);
    bench.check(one, one_by_hand, [0.8, 0.8]);
    bench.check(tx, tx_by_hand, [0.8, 0.55]);
    drop(subjects);
    let drop = "SET client_min_messages = warning; DROP SCHEMA apideck_hooks_perf CASCADE";
    plain.execute(sqlx::raw_sql(drop)).await.expect("no schema");
}
