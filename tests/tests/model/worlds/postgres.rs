//! The PostgreSQL store. All histories share a schema, each with keys of its own. The clock of the
//! server cannot be moved, so the times of the records are.

use super::{LETTERS, LONG, MEMORY, RETENTION, World};
use crate::reference::{Crash, Kind};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{Key, Store};
use apideck_hooks_tests::postgres::Database;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;

pub(crate) const POSTGRES: Kind = Kind {
    exact: false,
    letters: LETTERS as usize,
    crash: Crash::KeepsLeases,
    ..MEMORY
};

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
        let builder = database.builder(2).max_dead_letters(LETTERS);
        let builder = builder.retention(LONG * RETENTION as u32);
        builder.build().expect("a good name")
    }

    /// Letters keep their times, because those order the list.
    async fn move_times(&mut self, micros: i64, keys: &[Key]) {
        let schema = &self.database.schema;
        let keys: Vec<_> = keys.iter().map(|key| key.to_bytes()).collect();
        let records = format!(
            "UPDATE {schema}.records SET lease_end = greatest(0, lease_end + $1),
                rest_end = greatest(0, rest_end + $1), first_seen = first_seen + $1, expires = expires + $1
            WHERE key = ANY($2)"
        );
        let aliases = format!("UPDATE {schema}.aliases SET expires = expires + $1 WHERE alias = ANY($2)");
        for statement in [records, aliases] {
            let query = sqlx::query(AssertSqlSafe(statement)).bind(micros).bind(&keys);
            query.execute(&self.pool).await.expect("an update");
        }
    }
}

#[async_trait]
impl World for Postgres {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn pass(&mut self, time: Duration, keys: &[Key]) {
        self.move_times(-(time.as_micros() as i64), keys).await;
    }

    async fn set_back(&mut self, time: Duration, keys: &[Key]) {
        self.move_times(time.as_micros() as i64, keys).await;
    }

    async fn crash(&mut self) {
        self.store = Self::open(&self.database);
    }
}
