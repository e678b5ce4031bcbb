//! A PostgreSQL server: at `DATABASE_URL`, else at its default place if one listens there.

pub mod proxy;
#[cfg(unix)]
pub mod server;

use crate::services::skip;
use apideck_hooks::store::{Claim, Claimed, DeadLetters, End, Held, Key, Status, Store, StoreError, Token};
use apideck_hooks::{PostgresStore, PostgresStoreBuilder};
use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DEFAULT: &str = "postgres://postgres@127.0.0.1:5432/test";

/// A schema of a test's own, dropped with this.
pub struct Database {
    pub schema: String,
    pub options: PgConnectOptions,
}

/// Where the server is, whether or not it is there.
pub fn options() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| DEFAULT.to_owned());
    url.parse().expect("DATABASE_URL")
}

impl Database {
    /// None, said aloud, where there is no server.
    pub async fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let options = options();
        if let Err(error) = options.connect().await {
            assert!(
                std::env::var_os("DATABASE_URL").is_none(),
                "no server at DATABASE_URL: {error}"
            );
            skip("PostgreSQL");
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("hooks_{}_{}_{count}", now.as_micros(), std::process::id());
        Some(Database { schema, options })
    }

    /// Connections of a process's own.
    pub fn pool(&self, connections: u32) -> PgPool {
        pool(self.options.clone(), connections)
    }

    /// A store that is to be built.
    pub fn builder(&self, connections: u32) -> PostgresStoreBuilder {
        PostgresStore::builder(self.pool(connections)).schema(&self.schema)
    }

    /// A store whose tables are there.
    pub async fn store(&self, connections: u32) -> PostgresStore {
        let store = self.builder(connections).build().expect("a good name");
        store.migrate().await.expect("a migration");
        store
    }

    /// A store that owns its schema.
    pub async fn migrated(self) -> Owned {
        let store = self.store(8).await;
        Owned {
            store,
            _database: self,
        }
    }
}

/// Connections to a server that may be elsewhere than it seems.
pub fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(20))
        .connect_lazy_with(options)
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.schema);
        let options = self.options.clone();
        // A test that fails cleans up too, and its own runtime cannot be waited for here.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                if let Ok(mut connection) = options.connect().await {
                    let _ = connection.execute("SET client_min_messages = warning").await;
                    let _ = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
                }
            });
        });
        let _ = cleaner.join();
    }
}

/// A store that takes its schema with it.
pub struct Owned {
    store: PostgresStore,
    _database: Database,
}

#[async_trait]
impl Store for Owned {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.store.claim(claim).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.store.renew(record, token, lease).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        self.store.finish(record, token, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.store.status(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetters> {
        self.store.dead_letters()
    }
}
