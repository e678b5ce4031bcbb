//! Schemas and databases of a test's own on the PostgreSQL server that all tests share.

#[cfg(unix)]
pub mod pgbouncer;
pub mod proxy;
#[cfg(unix)]
pub mod server;

use crate::services::{POSTGRES, clean_up};
use apideck_hooks::store::{
    Claim, Claimed, DeadLetterStore, End, Grant, Held, Key, Status, Store, StoreError,
};
use apideck_hooks::{PostgresStore, PostgresStoreBuilder};
use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// The SQLSTATE of a server that accepts no more connections.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// A schema of a test's own, with a database and a role if the test makes them. All three are
/// dropped with this.
pub struct Database {
    pub schema: String,
    pub options: PgConnectOptions,
}

/// The options for a connection to the server, which may be absent.
pub fn options() -> PgConnectOptions {
    let options = POSTGRES.url().parse();
    options.expect("the URL of a PostgreSQL server")
}

/// Connects as soon as other tests leave a connection free.
async fn connect(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let since = Instant::now();
    loop {
        let error = match options.connect().await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let code = error.as_database_error().and_then(|error| error.code());
        if code.is_none_or(|code| code != TOO_MANY_CONNECTIONS) || since.elapsed().as_secs() > 60 {
            return Err(error);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

impl Database {
    /// A schema with a new name. Returns `None`, after a report, without a server.
    pub async fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let options = options();
        if let Err(error) = connect(&options).await {
            POSTGRES.is_unreachable(error);
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!(
            "apideck_hooks_test_{}_{}_{count}",
            now.as_micros(),
            std::process::id()
        );
        Some(Database { schema, options })
    }

    /// Creates a database with the name of the schema, for programs that choose their own schema.
    pub async fn create_database(&self) -> PgConnectOptions {
        let sql = format!("CREATE DATABASE \"{}\"", self.schema);
        let mut connection = self.options.connect().await.expect("the server");
        connection.execute(AssertSqlSafe(sql)).await.expect("a database");
        self.options.clone().database(&self.schema)
    }

    /// The name of the role that a test may create.
    pub fn role(&self) -> String {
        format!("{}_role", self.schema)
    }

    /// A pool, as another process would have.
    pub fn pool(&self, connections: u32) -> PgPool {
        pool(self.options.clone(), connections)
    }

    /// A builder for a store in the schema. It uses as many connections, and one more to cancel.
    pub fn builder(&self, connections: u32) -> PostgresStoreBuilder {
        let builder = PostgresStore::builder(self.pool(connections)).schema(&self.schema);
        builder.connections(connections + 1)
    }

    /// A store with its tables created.
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

/// A pool with a long acquire timeout, because the machine may be busy.
pub fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(120))
        .connect_lazy_with(options)
}

impl Drop for Database {
    fn drop(&mut self) {
        let (schema, role, options) = (&self.schema, self.role(), &self.options);
        let delete = async || {
            let mut connection = options.connect().await?;
            // A runtime of one thread ends no transaction while this waits for its locks.
            let sql = format!(
                "SET client_min_messages = warning;
                SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                WHERE c.relnamespace = to_regnamespace('{schema}') AND l.pid <> pg_backend_pid()
                    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
                DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"
            );
            connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
            // Only if they exist, because both need rights that a role may lack.
            for (exists, delete) in [
                (
                    format!("SELECT FROM pg_database WHERE datname = '{schema}'"),
                    format!("DROP DATABASE \"{schema}\" WITH (FORCE)"),
                ),
                (
                    format!("SELECT FROM pg_roles WHERE rolname = '{role}'"),
                    format!("DROP ROLE \"{role}\""),
                ),
            ] {
                let exists = connection.fetch_optional(AssertSqlSafe(exists)).await?;
                if exists.is_some() {
                    connection.execute(AssertSqlSafe(delete)).await?;
                }
            }
            Ok::<_, sqlx::Error>(())
        };
        // `drop` cannot await, and a runtime must not block on another one. So a thread has its
        // own.
        let on_a_thread = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(delete())
        };
        clean_up(schema, || {
            std::thread::scope(|scope| scope.spawn(on_a_thread).join().expect("no panic"))
        });
    }
}

/// A store that owns its schema.
pub struct Owned {
    store: PostgresStore,
    _database: Database,
}

#[async_trait]
impl Store for Owned {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.store.claim(claim).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.store.renew(grant, lease).await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        self.store.finish(grant, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.store.status(record).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.store.end_rest(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.store.dead_letters()
    }

    fn is_shared(&self) -> bool {
        true
    }
}
