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

/// The same with both keys: which event a delivery key stands for, in as many maps again.
pub(crate) struct PlainMemoryBoth {
    events: PlainMemory,
    deliveries: [Mutex<HashMap<Key, Key>>; 64],
}

impl PlainMemoryBoth {
    pub(crate) fn new() -> Self {
        PlainMemoryBoth {
            events: PlainMemory::new(),
            deliveries: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl Handle for PlainMemoryBoth {
    async fn handle(&self, n: u64) {
        let delivery = key(!n);
        let shard = &self.deliveries[usize::from(delivery.to_bytes()[0]) % 64];
        assert_eq!(shard.lock().expect("no panic").insert(delivery, key(n)), None);
        self.events.handle(n).await;
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

/// The least that does what is promised: both keys, each bound once, and a token without which nothing is settled.
#[cfg(feature = "postgres")]
pub(crate) struct FencedPostgres(pub(crate) sqlx::PgPool);

#[cfg(feature = "postgres")]
impl FencedPostgres {
    pub(crate) const TABLE: &str = "CREATE TABLE apideck_hooks_bench.fenced (
        key bytea PRIMARY KEY, delivery bytea UNIQUE, done boolean NOT NULL, token bigserial, lease timestamptz NOT NULL
    )";
}

#[cfg(feature = "postgres")]
impl Handle for FencedPostgres {
    async fn handle(&self, n: u64) {
        let claim = "INSERT INTO apideck_hooks_bench.fenced (key, delivery, done, lease)
            VALUES ($1, $2, false, clock_timestamp() + $3 * interval '1 microsecond') ON CONFLICT DO NOTHING RETURNING token";
        let claim = sqlx::query_scalar(claim).bind(key(n).to_bytes());
        let claim = claim.bind(key(!n).to_bytes()).bind(30_000_000_i64);
        let token: i64 = claim.fetch_one(&self.0).await.expect("a claim");
        let finish =
            "UPDATE apideck_hooks_bench.fenced SET done = true WHERE key = $1 AND token = $2 AND NOT done";
        let finish = sqlx::query(finish).bind(key(n).to_bytes()).bind(token);
        let changed = finish.execute(&self.0).await.expect("a finish");
        assert_eq!(changed.rows_affected(), 1);
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

/// The same with both keys: which event a delivery key stands for, too.
#[cfg(feature = "redis")]
pub(crate) struct PlainRedisBoth(pub(crate) redis::aio::MultiplexedConnection, pub(crate) u32);

#[cfg(feature = "redis")]
impl Handle for PlainRedisBoth {
    async fn handle(&self, n: u64) {
        let mut connection = self.0.clone();
        let name = |kind, n| format!("apideck-hooks-bench:{}:plain:{kind}:{}", self.1, key(n));
        let (record, alias) = (name('r', n), name('a', !n));
        let mut claim = redis::pipe();
        claim.cmd("SET").arg(&record).arg("running");
        claim.arg("NX").arg("PX").arg(600_000);
        claim.cmd("SET").arg(&alias).arg(&key(n).to_bytes()[..]);
        claim.arg("NX").arg("PX").arg(600_000);
        let claimed: (bool, bool) = claim.query_async(&mut connection).await.expect("an answer");
        assert_eq!(claimed, (true, true));
        let mut finish = redis::cmd("SET");
        finish.arg(&record).arg("done").arg("PX").arg(600_000);
        let () = finish.query_async(&mut connection).await.expect("an answer");
    }
}

/// The least that fences: both keys, and a number that only its owner's command makes the largest.
#[cfg(feature = "redis")]
pub(crate) struct FencedRedis(pub(crate) redis::aio::MultiplexedConnection, pub(crate) u32);

#[cfg(feature = "redis")]
impl Handle for FencedRedis {
    async fn handle(&self, n: u64) {
        let mut connection = self.0.clone();
        let name = |kind, n| format!("apideck-hooks-bench:{}:fenced:{kind}:{}", self.1, key(n));
        let (record, alias) = (name('r', n), name('a', !n));
        let token = n % (1 << 50);
        let mut claim = redis::pipe();
        claim.cmd("SET").arg(&record).arg(&token.to_be_bytes()[..]);
        claim.arg("NX").arg("PX").arg(600_000);
        claim.cmd("SET").arg(&alias).arg(&key(n).to_bytes()[..]);
        claim.arg("NX").arg("PX").arg(600_000);
        let (claimed, bound): (bool, bool) = claim.query_async(&mut connection).await.expect("an answer");
        assert!(claimed && bound);
        let mut finish = redis::cmd("BITFIELD");
        finish.arg(&record).arg("OVERFLOW").arg("FAIL");
        finish
            .arg("INCRBY")
            .arg("u63")
            .arg(1)
            .arg(i64::MAX as u64 - token);
        let sum: (Option<i64>,) = finish.query_async(&mut connection).await.expect("an answer");
        assert_eq!(sum, (Some(i64::MAX),));
    }
}
