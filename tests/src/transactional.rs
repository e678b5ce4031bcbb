//! Handlers that write an effect in their transaction, on either database.

use crate::SECRET;
use crate::directory::Directory;
use crate::postgres::{self, Database};
use crate::probe::Probe;
use apideck_hooks::store::IntoStore;
use apideck_hooks::{
    Delivery, Hooks, HooksBuilder, Outcome, PostgresStore, Routes, SqliteStore, State, Tx, on, router,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Postgres, Row, Sqlite, SqliteConnection};
use std::path::PathBuf;
use std::time::Duration;

/// The statement that is the effect; `{1}` and `{2}` are its parameters.
const EFFECT: &str = "INSERT INTO effects (event, attempt) VALUES ($1, $2)";

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

/// How a receiver is to differ from the default.
#[derive(Clone, Copy)]
pub struct Settings {
    pub max_attempts: u32,
    pub duplicate_wait: Duration,
    pub handler_timeout: Duration,
    pub connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_attempts: 8,
            duplicate_wait: Duration::from_secs(20),
            handler_timeout: Duration::from_secs(60),
            connections: 10,
        }
    }
}

/// A database with a table of effects beside the store's own.
pub enum World {
    Postgres(Database),
    Sqlite(Directory),
}

impl World {
    /// None, said aloud, where there is no server.
    pub async fn postgres() -> Option<Self> {
        let database = Database::new().await?;
        let store = database.store(2).await;
        drop(store);
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

    /// A receiver of its own.
    pub async fn hooks(&self, probe: &Probe, settings: Settings) -> Hooks {
        match self {
            World::Postgres(database) => {
                let store = postgres_store(database, database.options.clone(), settings.connections);
                hooks(Hooks::builder(router![in_postgres]), probe, store, settings)
            }
            World::Sqlite(directory) => {
                let store = SqliteStore::open(file(directory)).await.expect("a file");
                hooks(Hooks::builder(router![in_sqlite]), probe, store, settings)
            }
        }
    }

    /// How often the effect of this event is there.
    pub async fn effects(&self, event: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM effects WHERE event = '{event}'"))
            .await
    }

    /// How many events are marked as done.
    pub async fn marks(&self) -> i64 {
        self.number(match self {
            World::Postgres(_) => "SELECT count(*) FROM records WHERE state = 'done'",
            World::Sqlite(_) => "SELECT count(*) FROM apideck_hooks_records WHERE state = 3",
        })
        .await
    }

    /// The only record's attempt; 0 without one.
    pub async fn attempt(&self) -> i64 {
        self.number(match self {
            World::Postgres(_) => "SELECT coalesce(max(attempt), 0)::bigint FROM records",
            World::Sqlite(_) => "SELECT coalesce(max(attempt), 0) FROM apideck_hooks_records",
        })
        .await
    }

    /// The answer to a question, by another program.
    pub async fn number(&self, sql: &str) -> i64 {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            World::Postgres(database) => {
                let row = query.fetch_one(&other(database)).await.expect("a row");
                row.get(0)
            }
            World::Sqlite(directory) => {
                let row = query.fetch_one(&mut open(directory).await).await.expect("a row");
                row.get(0)
            }
        }
    }

    /// Statements of another program.
    pub async fn execute(&self, sql: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            World::Postgres(database) => {
                query.execute(&other(database)).await.expect("a statement");
            }
            World::Sqlite(directory) => {
                query
                    .execute(&mut open(directory).await)
                    .await
                    .expect("a statement");
            }
        }
    }
}

/// In the test's schema, and with a name that finds its backends.
pub fn at(database: &Database, options: PgConnectOptions) -> PgConnectOptions {
    options
        .options([("search_path", &database.schema)])
        .application_name("handlers")
}

/// A store whose handlers find the effects.
pub fn postgres_store(database: &Database, options: PgConnectOptions, connections: u32) -> PostgresStore {
    let pool = postgres::pool(at(database, options), connections);
    let store = PostgresStore::builder(pool).schema(&database.schema);
    store.build().expect("a good name")
}

/// A receiver with this store.
pub fn postgres_hooks(probe: &Probe, store: impl IntoStore, settings: Settings) -> Hooks {
    hooks(Hooks::builder(router![in_postgres]), probe, store, settings)
}

fn hooks<R: Routes<Probe>>(
    builder: HooksBuilder<R>,
    probe: &Probe,
    store: impl IntoStore,
    settings: Settings,
) -> Hooks {
    let builder = builder.secret(SECRET).state(probe.clone()).store(store);
    let builder = builder
        .max_attempts(settings.max_attempts)
        .duplicate_wait(settings.duplicate_wait)
        .handler_timeout(settings.handler_timeout);
    builder.build().expect("a receiver")
}

fn other(database: &Database) -> PgPool {
    let options = database
        .options
        .clone()
        .options([("search_path", &database.schema)]);
    PgPoolOptions::new().max_connections(1).connect_lazy_with(options)
}

fn file(directory: &Directory) -> PathBuf {
    directory.file("hooks.db")
}

async fn open(directory: &Directory) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file(directory));
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    options.connect().await.expect("a file")
}
