//! The PostgreSQL store.

mod clocks;
mod connections;
mod deliveries;
#[cfg(unix)]
mod kills;
mod outages;
mod races;
mod retention;
mod schema;
#[cfg(unix)]
mod servers;

use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Claim, Key, Store, Token, Verdict};
use apideck_hooks_tests::postgres::Database;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use std::time::Duration;

const EVENT: &str = "vault.connection.callable";
const LEASE: Duration = Duration::from_secs(60);

/// A schema of the test's own. Without a server the test returns.
macro_rules! database {
    () => {
        match apideck_hooks_tests::postgres::Database::new().await {
            Some(database) => database,
            None => return,
        }
    };
}
pub(crate) use database;

fn key(n: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Key::from_bytes(bytes)
}

async fn verdict(store: &PostgresStore, claim: Claim) -> Verdict {
    store.claim(claim).await.unwrap().verdict
}

async fn granted(store: &PostgresStore, event: Key) -> (Token, u32) {
    match verdict(store, Claim::new(event, None, LEASE)).await {
        Verdict::Granted { token, attempt } => (token, attempt),
        other => panic!("not granted: {other:?}"),
    }
}

/// Runs a statement as another program. `{}` is the schema.
async fn execute(database: &Database, pool: &PgPool, sql: &str) -> u64 {
    let sql = sql.replace("{}", &database.schema);
    let done = sqlx::query(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    done.rows_affected()
}

async fn number(database: &Database, pool: &PgPool, sql: &str) -> i64 {
    let sql = sql.replace("{}", &database.schema);
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
    row.get(0)
}

/// Waits until another transaction waits for a lock of this one.
async fn blocked_by(transaction: &mut PgConnection, pool: &PgPool) {
    let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(transaction)
        .await
        .unwrap();
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
    loop {
        let blocked = sqlx::query_scalar::<_, i64>(blocked).bind(process);
        if blocked.fetch_one(pool).await.unwrap() > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}
