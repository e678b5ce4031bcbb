//! The inbox in PostgreSQL.

use std::sync::Arc;

use sqlx::PgPool;

use super::put::{InboxOf, IntoInbox, sealed};
use crate::store::{PostgresStore, PostgresStoreBuilder, StoreError};

/// An inbox in PostgreSQL, for any number of processes. It is the store too.
///
/// Receivers accept events, and workers of the same or of other processes run them:
///
/// ```no_run
/// use apideck_hooks::{Hooks, PostgresInbox, Workers, events::*, on, router};
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable) { /* … */ }
///
/// # async fn receive(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// // A process that receives.
/// let inbox = PostgresInbox::new(pool);
/// inbox.migrate().await?;
/// let hooks = Hooks::builder(router![start_sync, ..])
///     .secret(std::env::var("APIDECK_API_KEY")?)
///     .source("billing")
///     .inbox(inbox)
///     .build()?;
/// # Ok(())
/// # }
/// # async fn work(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// // A process that works needs no secret.
/// Hooks::builder(router![start_sync, ..])
///     .source("billing")
///     .inbox(PostgresInbox::new(pool))
///     .workers(Workers::new().concurrency(64))
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// An event is accepted when its record and its body are committed, in one statement. The body is
/// deleted when the event is done. See [`PostgresStore`] for what it survives and needs.
///
/// Workers are told of new events by `LISTEN`, on one more connection. Behind a transaction pooler
/// they find them when they [look](crate::Workers::poll).
///
/// `Tx` handlers at once are at most the pool's connections less two.
#[derive(Debug)]
pub struct PostgresInbox(Arc<PostgresStore>);

impl PostgresInbox {
    /// Makes an inbox with the default names and limits. It does not connect yet.
    pub fn new(pool: PgPool) -> Self {
        Self::of(PostgresStore::new(pool))
    }

    /// Makes a builder of the store for other names or limits. Give the store to [`of`](Self::of).
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStore::builder(pool)
    }

    /// Makes the inbox of a store.
    pub fn of(store: impl Into<Arc<PostgresStore>>) -> Self {
        Self(store.into())
    }

    /// Creates the schema, tables and functions, as [`PostgresStore::migrate`] does.
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::migrate`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.0.migrate().await
    }
}

impl sealed::Sealed for PostgresInbox {}

impl IntoInbox for PostgresInbox {
    fn into_inbox(self) -> InboxOf {
        InboxOf::Store(self.0)
    }
}
