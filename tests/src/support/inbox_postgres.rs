//! Receivers with an inbox in PostgreSQL, for the tests that those on SQLite pass too.

use crate::SECRET;
use crate::inbox::{RunLog, handle};
use crate::postgres::{Database, pool};
use crate::probe::patient;
use apideck_hooks::{
    Hooks, HooksBuilder, NoState, PostgresInbox, PostgresStore, PostgresStoreBuilder, Routes, router,
};
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::sync::Arc;

/// A schema with the tables.
pub struct InboxFile {
    pub database: Database,
    pub other: PgPool,
}

impl InboxFile {
    /// Returns `None`, after a report, without a server.
    pub async fn new() -> Option<Self> {
        let mut database = Database::new().await?;
        // So that tables have the same names as in a file.
        let options = database.options.clone();
        database.options = options.options([("search_path", &database.schema)]);
        let file = Self {
            other: database.pool(1),
            database,
        };
        file.store().await;
        Some(file)
    }

    pub fn builder(&self) -> PostgresStoreBuilder {
        PostgresStore::builder(self.pool(4))
            .schema(&self.database.schema)
            .connections(4)
    }

    pub fn pool(&self, connections: u32) -> PgPool {
        pool(self.database.options.clone(), connections)
    }

    async fn migrated(&self, builder: PostgresStoreBuilder) -> Arc<PostgresStore> {
        let store = builder.build().expect("a good name");
        store.migrate().await.expect("a migration");
        Arc::new(store)
    }

    /// A new store, as in a process of its own.
    pub async fn store(&self) -> Arc<PostgresStore> {
        self.migrated(self.builder()).await
    }

    pub async fn store_with_letters(&self, most: u64) -> Arc<PostgresStore> {
        self.migrated(self.builder().max_dead_letters(most)).await
    }

    pub async fn inbox(&self) -> PostgresInbox {
        PostgresInbox::of(self.store().await)
    }

    /// A receiver with a new store and the handler of all tests.
    pub async fn hooks(&self, log: &RunLog) -> Hooks {
        accepting(Hooks::builder(router![handle]), self.store().await, log)
            .build()
            .expect("a receiver")
    }

    /// The result of a query of another program.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = format!("SELECT ({})::bigint", sql.replace("apideck_hooks_", ""));
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.other).await;
        row.expect("a row").get(0)
    }

    /// Runs statements as another program.
    pub async fn execute(&self, sql: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql.replace("apideck_hooks_", "")));
        statements.execute(&self.other).await.expect("statements");
    }
}

/// A patient receiver with an inbox on this store.
pub fn accepting<R: Routes<RunLog>>(
    builder: HooksBuilder<R, NoState>,
    store: Arc<PostgresStore>,
    log: &RunLog,
) -> HooksBuilder<R, RunLog> {
    patient(builder.state(log.clone()))
        .secret(SECRET)
        .inbox(inbox_of(store))
}

pub fn inbox_of(store: Arc<PostgresStore>) -> PostgresInbox {
    PostgresInbox::of(store)
}
