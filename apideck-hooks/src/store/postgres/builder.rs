//! Building a store.

use super::PostgresStore;
use super::connections::Connections;
use super::limits::Limits;
use super::names::{InvalidName, Names};
use super::statements::Statements;

use sqlx::PgPool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Names and limits of a [`PostgresStore`]. All have a default.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    schema: String,
    prefix: String,
    limits: Limits,
}

impl PostgresStore {
    /// A store on this pool, with the default names and limits. It does not connect yet.
    pub fn new(pool: PgPool) -> Self {
        PostgresStoreBuilder::new(pool).build_with(&Names::default())
    }

    /// A store with names and limits of your own.
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(pool)
    }
}

impl PostgresStoreBuilder {
    fn new(pool: PgPool) -> Self {
        PostgresStoreBuilder {
            pool,
            schema: Names::DEFAULT_SCHEMA.to_owned(),
            prefix: String::new(),
            limits: Limits {
                retention: Duration::from_secs(7 * 24 * 60 * 60),
                sweep_every: Duration::from_secs(60),
                longest_body: 1024 * 1024,
            },
        }
    }

    /// The schema that the tables are in, `apideck_hooks` by default; [`PostgresStore::migrate`] makes it. 1 to 63
    /// lower-case letters, digits and `_`, no digit first.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// What the names of the tables begin with; nothing by default. At most 30 lower-case letters, digits and `_`, no
    /// digit first.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an event is remembered after it was settled, 7 days by default: Apideck's own retries end after 24 hours.
    /// More than a hundred years count as a hundred.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.limits.retention = retention;
        self
    }

    /// How often what is over is swept away, every minute by default, at most every 10 milliseconds. Several processes
    /// share the work.
    pub fn sweep_every(mut self, pause: Duration) -> Self {
        self.limits.sweep_every = pause;
        self
    }

    /// The largest body that is kept of an event that is set aside, in bytes; 1 MiB by default. Of a larger one all is
    /// kept but the body: it cannot be replayed, and its error says so.
    pub fn dead_letter_body_limit(mut self, bytes: usize) -> Self {
        self.limits.longest_body = bytes;
        self
    }

    /// The store. It does not connect yet.
    ///
    /// # Errors
    ///
    /// The schema or the prefix is no plain name.
    pub fn build(self) -> Result<PostgresStore, InvalidName> {
        let names = Names::new(&self.schema, &self.prefix)?;
        Ok(self.build_with(&names))
    }

    fn build_with(self, names: &Names) -> PostgresStore {
        // One connection is left for all else, if there is more than one: failed attempts are counted, dead letters looked at.
        let connections = Connections::of(self.pool);
        let turns = connections.most().saturating_sub(1).max(1);
        PostgresStore {
            turns: Arc::new(Semaphore::new(turns as usize)),
            connections,
            statements: Arc::new(Statements::new(names)),
            limits: self.limits,
            sweeper: OnceLock::new(),
        }
    }
}
