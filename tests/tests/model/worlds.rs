//! The stores, with clocks that can be moved and receivers that can crash.

use super::reference::{Crash, Kind, RETENTION};
use apideck_hooks::store::{
    Claim, Claimed, DeadLetterStore, End, Held, Key, Status, Store, StoreError, Token,
};
use apideck_hooks::{MemoryStore, PostgresStore, SqliteStore};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::postgres::Database;
use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, SqliteConnection};
use std::time::Duration;

/// A store with its clock and its receiver.
#[async_trait]
pub(crate) trait World {
    fn store(&self) -> &dyn Store;

    /// Moves the clock ahead, or makes the records under these keys older.
    async fn pass(&mut self, time: Duration, keys: &[Key]);

    /// Ends the receiver and starts another one.
    async fn crash(&mut self);
}

pub(crate) const MEMORY: Kind = Kind {
    exact: true,
    capacity: usize::MAX,
    dead_letters: false,
    crash: Crash::Forgets,
    abandoned_for_ever: true,
    left_over_keys: true,
    purge_may_free_keys: false,
    claims_its_own_first: false,
};
pub(crate) const SQLITE: Kind = Kind {
    exact: false,
    dead_letters: true,
    crash: Crash::Frees,
    left_over_keys: false,
    ..MEMORY
};
pub(crate) const POSTGRES: Kind = Kind {
    exact: false,
    dead_letters: true,
    crash: Crash::Abandons,
    purge_may_free_keys: true,
    ..MEMORY
};
#[cfg(unix)]
pub(crate) const REDIS: Kind = Kind {
    abandoned_for_ever: false,
    purge_may_free_keys: false,
    claims_its_own_first: true,
    ..POSTGRES
};

/// A tick of an exact clock.
pub(crate) const SHORT: Duration = Duration::from_millis(1);
/// A tick of a clock that cannot be paused. No history takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The memory store. It reads tokio's clock, which must be paused.
pub(crate) struct Memory {
    store: MemoryStore,
    capacity: usize,
}

impl Memory {
    pub(crate) fn new(capacity: usize) -> Self {
        let store = MemoryStore::builder()
            .capacity(capacity)
            .retention(SHORT * RETENTION as u32)
            .build();
        Memory { store, capacity }
    }
}

#[async_trait]
impl World for Memory {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn pass(&mut self, time: Duration, _: &[Key]) {
        tokio::time::advance(time).await;
    }

    async fn crash(&mut self) {
        *self = Memory::new(self.capacity);
    }
}

/// The SQLite store. Its clock cannot be moved, so its records are made older.
pub(crate) struct Sqlite {
    store: Option<Box<dyn Store>>,
    in_batches: bool,
    other_program: SqliteConnection,
    directory: Directory,
}

impl Sqlite {
    pub(crate) async fn new(in_batches: bool) -> Self {
        let directory = Directory::default();
        let store = Self::open(&directory, in_batches).await;
        let file = SqliteConnectOptions::new().filename(directory.file("hooks.db"));
        Sqlite {
            store: Some(store),
            in_batches,
            other_program: file.connect().await.expect("the file"),
            directory,
        }
    }

    async fn open(directory: &Directory, in_batches: bool) -> Box<dyn Store> {
        let store = SqliteStore::builder(directory.file("hooks.db"))
            .retention(LONG * RETENTION as u32)
            .open()
            .await
            .expect("the file");
        if in_batches {
            Box::new(InBatches(store))
        } else {
            Box::new(store)
        }
    }
}

/// A store that sends each call together with another one, because a single call takes a shorter
/// path.
struct InBatches(SqliteStore);

impl InBatches {
    async fn with_another<T>(&self, call: impl Future<Output = T>) -> T {
        let nobody = Key::from_bytes([0xff; 16]);
        let (response, other) = tokio::join!(call, self.0.renew(nobody, Token(1), LONG));
        assert_eq!(other.expect("a result"), Held::Lost);
        response
    }
}

#[async_trait]
impl Store for InBatches {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.with_another(self.0.claim(claim)).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.with_another(self.0.renew(record, token, lease)).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        self.with_another(self.0.finish(record, token, end)).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.0.status(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.0.dead_letters()
    }
}

#[async_trait]
impl World for Sqlite {
    fn store(&self) -> &dyn Store {
        &**self.store.as_ref().expect("open")
    }

    async fn pass(&mut self, time: Duration, _: &[Key]) {
        sqlx::query("UPDATE apideck_hooks_records SET at = at - ?1")
            .bind(time.as_millis() as i64)
            .execute(&mut self.other_program)
            .await
            .expect("an update");
    }

    async fn crash(&mut self) {
        self.store = None;
        self.store = Some(Self::open(&self.directory, self.in_batches).await);
    }
}

/// The PostgreSQL store. All histories share a schema, each with keys of its own.
pub(crate) struct Postgres {
    store: PostgresStore,
    pool: PgPool,
    database: Database,
}

impl Postgres {
    pub(crate) async fn new() -> Option<Self> {
        let database = Database::new().await?;
        let store = Self::open(&database);
        store.migrate().await.expect("a migration");
        Some(Postgres {
            store,
            pool: database.pool(1),
            database,
        })
    }

    fn open(database: &Database) -> PostgresStore {
        let builder = database.builder(2).retention(LONG * RETENTION as u32);
        // No sweep, because it would delete delivery keys that the model still expects.
        builder.sweep_every(Duration::MAX).build().expect("a good name")
    }
}

#[async_trait]
impl World for Postgres {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn pass(&mut self, time: Duration, _: &[Key]) {
        let (schema, micros) = (&self.database.schema, time.as_micros());
        let sql = format!(
            "UPDATE {schema}.records SET created_at = created_at - passed, changed_at = changed_at - passed,
                lease_until = lease_until - passed, set_aside_at = set_aside_at - passed
            FROM (SELECT {micros} * interval '1 microsecond' AS passed) AS time"
        );
        sqlx::query(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .expect("an update");
    }

    async fn crash(&mut self) {
        self.store = Self::open(&self.database);
    }
}

#[cfg(unix)]
pub(crate) use of_redis::Redis;

#[cfg(unix)]
mod of_redis {
    use super::{LONG, RETENTION, World};
    use apideck_hooks::RedisStore;
    use apideck_hooks::store::{Key, Store};
    use apideck_hooks_tests::redis::Isolated;
    use async_trait::async_trait;
    use redis::aio::MultiplexedConnection;
    use std::time::Duration;

    /// The Redis store. All histories share a prefix, each with keys of its own.
    pub(crate) struct Redis {
        store: RedisStore,
        client: MultiplexedConnection,
        isolated: Isolated,
    }

    /// Makes records and delivery keys older, and deletes expired ones. The end of a lease follows
    /// from the time to live of its key. The store keeps running records, and those that were done
    /// at once, longer than the retention. The model does not, so the script corrects that.
    const PASS: &str = "
        for _, key in ipairs(KEYS) do
          local left, kind = redis.call('PTTL', key), redis.call('TYPE', key).ok
          local time, retention, rest = tonumber(ARGV[1]), tonumber(ARGV[2]), nil
          if kind == 'string' and string.find(key, ':r:', 1, true) then
            local text = redis.call('GET', key)
            local settled = string.sub(text, 1, 8) == '\\127' .. string.rep('\\255', 7)
            if not settled then
              rest = tonumber(string.sub(text, 26, 41))
            elseif string.sub(text, 9, 9) ~= 'f' then
              left = math.min(left, retention)
            end
          elseif kind == 'hash' and redis.call('HGET', key, 's') == 'run' then
            rest = tonumber(redis.call('HGET', key, 'u'))
          end
          -- The rest of the retention. That of a running record begins with the end of its lease.
          local kept = rest and left - rest + retention or left
          if left > 0 and kept <= time then
            redis.call('DEL', key)
          elseif left > 0 then
            redis.call('PEXPIRE', key, left - time)
          end
        end";

    impl Redis {
        pub(crate) async fn new() -> Option<Self> {
            let isolated = Isolated::new().await?;
            let mut client = isolated.client().await;
            client.set_response_timeout(LONG);
            Some(Redis {
                store: Self::open(&isolated).await,
                client,
                isolated,
            })
        }

        async fn open(isolated: &Isolated) -> RedisStore {
            let builder = isolated.builder().retention(LONG * RETENTION as u32);
            // Generous, because the server may be busy.
            builder.call_timeout(LONG).connect().await.expect("Redis")
        }
    }

    #[async_trait]
    impl World for Redis {
        fn store(&self) -> &dyn Store {
            &self.store
        }

        async fn pass(&mut self, time: Duration, keys: &[Key]) {
            let prefix = &self.isolated.prefix;
            let names = keys
                .iter()
                .flat_map(|key| ["r", "a"].map(|kind| format!("{prefix}:{kind}:{key}")));
            redis::cmd("EVAL")
                .arg(PASS)
                .arg(2 * keys.len())
                .arg(names.collect::<Vec<_>>())
                .arg(time.as_millis() as u64)
                .arg((LONG * RETENTION as u32).as_millis() as u64)
                .exec_async(&mut self.client)
                .await
                .expect("a script");
        }

        async fn crash(&mut self) {
            self.store = Self::open(&self.isolated).await;
        }
    }
}
