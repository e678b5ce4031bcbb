//! The PostgreSQL store.

mod clocks;
mod connections;
mod deliveries;
mod guide;
#[cfg(unix)]
mod kills;
mod letters;
mod outages;
#[cfg(unix)]
mod poolers;
mod races;
mod retention;
mod schema;
#[cfg(unix)]
mod servers;

use apideck_hooks::store::{Claim, Grant, Key, Store, Verdict};
use apideck_hooks::{HooksBuilder, PostgresStore, Rest, Routes};
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::probe::Probe;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use std::time::Duration;

const EVENT: &str = "vault.connection.callable";
const LEASE: Duration = Duration::from_secs(60);
const SOURCE: &str = "test";

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

fn claim_of(event: Key, alias: impl Into<Option<Key>>) -> Claim {
    let mut claim = Claim::new(event, LEASE);
    claim.alias = alias.into();
    claim
}

/// A patient receiver whose events do not rest.
fn hooks(probe: &Probe) -> HooksBuilder<impl Routes<Probe>, Probe> {
    probe.patient_hooks().source(SOURCE).rest(Rest::None)
}

/// Claims an event and returns the grant and the attempt.
async fn granted(store: &PostgresStore, claim: Claim) -> (Grant, u32) {
    let id = claim.id;
    let claimed = store.claim(claim).await.unwrap();
    match claimed.verdict {
        Verdict::Granted { token, attempt } => (Grant::new(claimed.record, token, id), attempt),
        other => panic!("not granted: {other:?}"),
    }
}

async fn verdict(store: &PostgresStore, claim: Claim) -> Verdict {
    store.claim(claim).await.unwrap().verdict
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

/// Makes all records this much older.
async fn age(database: &Database, pool: &PgPool, by: Duration) -> u64 {
    let sql = "UPDATE {}.records SET first_seen = first_seen - N, expires = expires - N,
        lease_end = lease_end - N, rest_end = rest_end - N";
    execute(database, pool, &sql.replace('N', &by.as_micros().to_string())).await
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
