//! The builder of a store.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Semaphore;

use super::PostgresStore;
use super::connections::Connections;
use super::limits::RecordLimits;
use super::names::Names;
use super::news::News;
use super::statements::Statements;
use crate::store::StoreError;

/// Names and limits of a [`PostgresStore`]. All have a default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    schema: String,
    prefix: String,
    connections: u32,
    transactions: Option<u32>,
    limits: RecordLimits,
}

impl PostgresStore {
    /// Makes a store with the default names and limits. It does not connect yet.
    pub fn new(pool: PgPool) -> Self {
        let builder = Self::builder(pool);
        let names = Names::default();
        let transactions = builder.most_transactions();
        builder.build_with(&names, transactions)
    }

    /// Makes a builder for other names or limits.
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder {
            pool,
            schema: Names::DEFAULT_SCHEMA.to_owned(),
            prefix: String::new(),
            connections: 5,
            transactions: None,
            limits: RecordLimits {
                retention: Duration::from_secs(7 * 24 * 60 * 60),
                sweep_every: Duration::from_secs(60),
                letters: 100_000,
            },
        }
    }
}

impl PostgresStoreBuilder {
    /// Connections that are left to other users of the pool.
    const LEFT: u32 = 2;

    /// Sets the schema of the tables. The default is `apideck_hooks`. [`PostgresStore::migrate`]
    /// creates it. A schema has 1 to 63 lower-case letters, digits and `_`, and no digit first.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets the beginning of all names in the schema. The default is empty. A prefix has at most 30
    /// lower-case letters, digits and `_`, and no digit first.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the number of the store's own connections, at least 2. The default is 5. One of them is
    /// open only while it cancels a statement that was given up.
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(2);
        self
    }

    /// Sets how many handlers can hold a transaction at once. The default is the pool's connections
    /// less two, which is also the maximum. With none,
    /// [`build`](crate::HooksBuilder::build) refuses a handler that takes a `Tx`.
    pub fn transactions(mut self, transactions: u32) -> Self {
        self.transactions = Some(transactions);
        self
    }

    /// Sets how long a record without a dead letter is kept after its last change. The default is 7
    /// days.
    ///
    /// Choose more than 28 hours. Apideck's retries can take 27 hours and 48 minutes (source: the
    /// pauses of the webhook guide, which also says "within 24 hours"). With a shorter retention,
    /// an event can run again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.limits.retention = retention;
        self
    }

    /// Sets the pause between two sweeps, at least 10 milliseconds. The default is a minute.
    /// Several processes share the work.
    pub fn sweep_every(mut self, pause: Duration) -> Self {
        self.limits.sweep_every = pause;
        self
    }

    /// Sets how many dead letters of a source are kept. The default is 100,000. The limit is an
    /// estimate: events that are dead-lettered at the same time can pass it.
    pub fn max_dead_letters(mut self, letters: u64) -> Self {
        self.limits.letters = letters;
        self
    }

    /// Makes the store. It does not connect yet.
    ///
    /// # Errors
    ///
    /// The schema or the prefix is not a plain name, or there are more transactions than the pool's
    /// connections less two.
    pub fn build(self) -> Result<PostgresStore, StoreError> {
        let names = Names::new(&self.schema, &self.prefix)?;
        let most = self.most_transactions();
        let transactions = self.transactions.unwrap_or(most);
        if transactions > most {
            return Err(StoreError::new(format!(
                "{transactions} transactions at once need a pool of {} connections, and it has {}",
                transactions + Self::LEFT,
                self.pool.options().get_max_connections()
            )));
        }
        Ok(self.build_with(&names, transactions))
    }

    fn most_transactions(&self) -> u32 {
        let connections = self.pool.options().get_max_connections();
        connections.saturating_sub(Self::LEFT)
    }

    fn build_with(self, names: &Names, transactions: u32) -> PostgresStore {
        let connections = Connections::new(self.pool, self.connections, Statements::new(names));
        PostgresStore {
            news: News::new(&connections),
            connections,
            limits: self.limits,
            transactions,
            slots: Arc::new(Semaphore::new(transactions as usize)),
            sweeper: Default::default(),
            unfinished: Default::default(),
            waiting: Default::default(),
            lost_fetches: Default::default(),
        }
    }
}
