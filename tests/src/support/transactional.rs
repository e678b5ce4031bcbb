//! Handlers that write an effect in their transaction, on PostgreSQL and on SQLite.

use crate::SECRET;
use crate::directory::Directory;
use crate::postgres::{self, Database};
use crate::probe::{Probe, patient};
use crate::spy::Spy;
use crate::sqlite::open_with;
use crate::waiting::GENEROUS;
use apideck_hooks::store::{IntoStore, Store};
use apideck_hooks::{
    Delivery, Hooks, HooksBuilder, Outcome, PostgresStore, Routes, SqliteStore, State, Tx, on, router,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Postgres, Row, Sqlite, SqliteConnection};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The effect of a handler: a row with the event and its attempt.
pub const EFFECT: &str = "INSERT INTO effects (event, attempt) VALUES ($1, $2)";

#[on("*")]
async fn in_postgres(delivery: Delivery, State(probe): State<Probe>, mut tx: Tx<Postgres>) -> Outcome {
    let effect = sqlx::query(EFFECT)
        .bind(delivery.event_id())
        .bind(i64::from(delivery.attempt()));
    effect.execute(&mut *tx).await.expect("an effect");
    probe.run(None, &delivery).await
}

#[on("*")]
async fn in_sqlite(delivery: Delivery, State(probe): State<Probe>, mut tx: Tx<Sqlite>) -> Outcome {
    let effect = sqlx::query(EFFECT)
        .bind(delivery.event_id())
        .bind(i64::from(delivery.attempt()));
    effect.execute(&mut *tx).await.expect("an effect");
    probe.run(None, &delivery).await
}

/// The limits of a receiver. The defaults are generous.
#[derive(Clone, Copy)]
pub struct Settings {
    pub max_attempts: u32,
    pub duplicate_wait: Duration,
    pub handler_timeout: Duration,
    pub store_timeout: Duration,
    pub lease: Duration,
    pub connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_attempts: 8,
            duplicate_wait: GENEROUS,
            handler_timeout: 2 * GENEROUS,
            store_timeout: GENEROUS,
            lease: 2 * GENEROUS,
            connections: 10,
        }
    }
}

/// A database with the table `effects` beside the store's tables.
#[expect(clippy::large_enum_variant)]
pub enum World {
    Postgres(Database),
    Sqlite(Directory),
}

impl World {
    /// A new schema. Returns `None`, after a report, without a server.
    pub async fn postgres() -> Option<Self> {
        let database = Database::new().await?;
        database.store(2).await;
        let world = World::Postgres(database);
        world
            .execute("CREATE TABLE effects (event text NOT NULL, attempt bigint NOT NULL)")
            .await;
        Some(world)
    }

    pub async fn sqlite() -> Option<Self> {
        let world = World::Sqlite(Directory::default());
        world
            .execute("CREATE TABLE effects (event TEXT NOT NULL, attempt INTEGER NOT NULL)")
            .await;
        Some(world)
    }

    /// A receiver with a new store.
    pub async fn hooks(&self, probe: &Probe, settings: Settings) -> Hooks {
        self.hooks_on(self.store(settings.connections).await, probe, settings)
    }

    /// A new store. A file can have one store at a time.
    pub async fn store(&self, connections: u32) -> Arc<dyn Store> {
        match self {
            World::Postgres(database) => Arc::new(postgres_store(
                &database.schema,
                database.options.clone(),
                connections,
            )),
            World::Sqlite(directory) => {
                let store = SqliteStore::builder(file(directory)).tx_limit(GENEROUS / 2);
                Arc::new(open_with(store).await)
            }
        }
    }

    /// A receiver on a store.
    pub fn hooks_on(&self, store: Arc<dyn Store>, probe: &Probe, settings: Settings) -> Hooks {
        match self {
            World::Postgres(_) => postgres_hooks(probe, store, settings),
            World::Sqlite(_) => hooks(Hooks::builder(router![in_sqlite]), probe, store, settings),
        }
    }

    /// Counts the effects of an event.
    pub async fn effects(&self, event: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM effects WHERE event = '{event}'"))
            .await
    }

    /// Counts the records that are done.
    pub async fn done_records(&self) -> i64 {
        self.number(match self {
            World::Postgres(_) => "SELECT count(*) FROM records WHERE phase = 1",
            World::Sqlite(_) => "SELECT count(*) FROM apideck_hooks_records WHERE phase = 1",
        })
        .await
    }

    /// Ends all leases, as if their time were over.
    pub async fn end_leases(&self) {
        self.execute(match self {
            World::Postgres(_) => "UPDATE records SET lease_end = 0",
            World::Sqlite(_) => "UPDATE apideck_hooks_records SET lease_end = 0",
        })
        .await;
    }

    /// The attempt of the only record, 0 without a record.
    pub async fn attempt(&self) -> i64 {
        self.number(match self {
            World::Postgres(_) => "SELECT coalesce(max(attempts), 0)::bigint FROM records",
            World::Sqlite(_) => "SELECT coalesce(max(attempts), 0) FROM apideck_hooks_records",
        })
        .await
    }

    /// The result of a query of another program.
    pub async fn number(&self, sql: &str) -> i64 {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            World::Postgres(database) => {
                let row = query.fetch_one(&other(database)).await.expect("a row");
                row.get(0)
            }
            World::Sqlite(directory) => {
                let row = query
                    .fetch_one(&mut connect(directory).await)
                    .await
                    .expect("a row");
                row.get(0)
            }
        }
    }

    /// Runs statements as another program and reports their success.
    pub async fn try_execute(&self, sql: &'static str) -> bool {
        match self {
            World::Postgres(database) => sqlx::raw_sql(sql).execute(&other(database)).await.is_ok(),
            World::Sqlite(directory) => {
                let options = options(directory).busy_timeout(Duration::ZERO);
                let mut connection = options.connect().await.expect("a file");
                sqlx::raw_sql(sql).execute(&mut connection).await.is_ok()
            }
        }
    }

    /// Runs statements as another program.
    pub async fn execute(&self, sql: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            World::Postgres(database) => {
                query.execute(&other(database)).await.expect("a statement");
            }
            World::Sqlite(directory) => {
                query
                    .execute(&mut connect(directory).await)
                    .await
                    .expect("a statement");
            }
        }
    }
}

/// A store with the search path of its schema, so that handlers find the table `effects`. The
/// schema is also the application name of its connections.
pub fn postgres_store(schema: &str, options: PgConnectOptions, connections: u32) -> PostgresStore {
    let options = options
        .options([("search_path", schema)])
        .application_name(schema);
    let store = PostgresStore::builder(postgres::pool(options, connections)).schema(schema);
    store.build().expect("a good name")
}

/// A receiver on a store.
pub fn postgres_hooks(probe: &Probe, store: impl IntoStore, settings: Settings) -> Hooks {
    hooks(Hooks::builder(router![in_postgres]), probe, store, settings)
}

fn hooks<R: Routes<Probe>>(
    builder: HooksBuilder<R>,
    probe: &Probe,
    store: impl IntoStore,
    settings: Settings,
) -> Hooks {
    // A store of its own for each receiver, as in processes of their own.
    let store = Spy::over(store.into_store());
    let builder = builder.secret(SECRET).state(probe.clone()).store(store);
    let builder = patient(builder)
        .max_attempts(settings.max_attempts)
        .duplicate_wait(settings.duplicate_wait)
        .handler_timeout(settings.handler_timeout)
        .store_timeout(settings.store_timeout)
        .lease(settings.lease);
    builder.build().expect("a receiver")
}

fn other(database: &Database) -> PgPool {
    let options = database
        .options
        .clone()
        .options([("search_path", &database.schema)]);
    PgPoolOptions::new().max_connections(1).connect_lazy_with(options)
}

/// The database in a directory.
pub fn file(directory: &Directory) -> PathBuf {
    directory.file("hooks.db")
}

async fn connect(directory: &Directory) -> SqliteConnection {
    options(directory).connect().await.expect("a file")
}

fn options(directory: &Directory) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file(directory))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
}
