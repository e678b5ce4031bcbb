//! The schema of the benchmark.

use apideck_hooks::{PostgresInbox, PostgresStore};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};

const URL: &str = "APIDECK_HOOKS_TEST_DATABASE_URL";
const DEFAULT_URL: &str = "postgres://postgres@127.0.0.1:5432/test";
const SCHEMA: &str = "apideck_hooks_perf_inbox";
pub(crate) const SOURCE: &str = "perf";

/// `None`, after a report, without a server.
pub(crate) async fn pool(connections: u32) -> Option<PgPool> {
    let named = std::env::var(URL).ok();
    let url = named.as_deref().unwrap_or(DEFAULT_URL);
    let options: sqlx::postgres::PgConnectOptions = url.parse().expect("a URL");
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(std::time::Duration::from_secs(600))
        // The test would cost a round trip of its own, and make all ways look alike.
        .test_before_acquire(false)
        .connect_with(options.options([("search_path", SCHEMA)]));
    match pool.await {
        Ok(pool) => Some(pool),
        Err(error) if named.is_some() => panic!("no server at {URL}: {error}"),
        Err(error) => {
            eprintln!("SKIPPED: PostgreSQL, because none is at {DEFAULT_URL}: {error}");
            None
        }
    }
}

/// Makes an empty schema.
pub(crate) async fn clean(pool: &PgPool) {
    execute(
        pool,
        "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE; CREATE SCHEMA {}",
    )
    .await;
    store(pool, 2).migrate().await.expect("a migration");
}

pub(crate) async fn execute(pool: &PgPool, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.replace("{}", SCHEMA)));
    sql.execute(pool).await.expect("statements");
}

pub(crate) async fn number(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(pool).await.expect("a row").get(0)
}

/// A store with as many connections for its statements.
pub(crate) fn store(pool: &PgPool, connections: u32) -> PostgresStore {
    // One more cancels.
    let store = PostgresStore::builder(pool.clone())
        .schema(SCHEMA)
        .connections(connections + 1);
    store.build().expect("valid names")
}

pub(crate) fn inbox(pool: &PgPool, connections: u32) -> PostgresInbox {
    PostgresInbox::of(store(pool, connections))
}
