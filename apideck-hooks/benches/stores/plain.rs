//! The plainest that could be written by hand: it remembers one key, whether it is done, and nothing else.

use super::subject::{Handle, key};
use apideck_hooks::store::Key;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

/// 64 maps, each under its lock.
pub(crate) struct PlainMemory([Mutex<HashMap<Key, bool>>; 64]);

impl PlainMemory {
    pub(crate) fn new() -> Self {
        PlainMemory(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Handle for PlainMemory {
    async fn handle(&self, n: u64) {
        let key = key(n);
        // The key is a hash already.
        let shard = &self.0[usize::from(key.to_bytes()[0]) % 64];
        assert_eq!(shard.lock().expect("no panic").insert(key, false), None);
        if let Some(done) = shard.lock().expect("no panic").get_mut(&key) {
            *done = true;
        }
    }
}

/// One table, one statement and one commit an operation.
pub(crate) struct PlainSqlite(SqlitePool);

impl PlainSqlite {
    pub(crate) async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await.expect("a database");
        sqlx::query("CREATE TABLE events (key BLOB PRIMARY KEY, done INTEGER NOT NULL)")
            .execute(&pool)
            .await
            .expect("a table");
        PlainSqlite(pool)
    }
}

impl Handle for PlainSqlite {
    async fn handle(&self, n: u64) {
        for sql in [
            "INSERT INTO events VALUES (?1, 0) ON CONFLICT DO NOTHING",
            "UPDATE events SET done = 1 WHERE key = ?1",
        ] {
            let query = sqlx::query(sql).bind(key(n).to_bytes().to_vec());
            let changed = query.execute(&self.0).await.expect("a statement");
            assert_eq!(changed.rows_affected(), 1);
        }
    }
}

/// One table, one statement and one commit an operation.
#[cfg(feature = "postgres")]
pub(crate) struct PlainPostgres(pub(crate) sqlx::PgPool);

#[cfg(feature = "postgres")]
impl Handle for PlainPostgres {
    async fn handle(&self, n: u64) {
        for sql in [
            "INSERT INTO apideck_hooks_bench.plain VALUES ($1, false) ON CONFLICT DO NOTHING",
            "UPDATE apideck_hooks_bench.plain SET done = true WHERE key = $1",
        ] {
            let query = sqlx::query(sql).bind(key(n).to_bytes());
            let changed = query.execute(&self.0).await.expect("a statement");
            assert_eq!(changed.rows_affected(), 1);
        }
    }
}

/// `SET NX`, then `SET`.
#[cfg(feature = "redis")]
pub(crate) struct PlainRedis(pub(crate) redis::aio::MultiplexedConnection, pub(crate) u32);

#[cfg(feature = "redis")]
impl Handle for PlainRedis {
    async fn handle(&self, n: u64) {
        let mut connection = self.0.clone();
        let key = format!("apideck-hooks-bench:{}:plain:{}", self.1, key(n));
        let mut claim = redis::cmd("SET");
        claim.arg(&key).arg("running").arg("NX").arg("PX").arg(600_000);
        let claimed: bool = claim.query_async(&mut connection).await.expect("an answer");
        assert!(claimed);
        let mut finish = redis::cmd("SET");
        finish.arg(&key).arg("done").arg("PX").arg(600_000);
        let () = finish.query_async(&mut connection).await.expect("an answer");
    }
}
