//! One call on one connection of the pool.

use crate::idempotency::store::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres};
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// No call is waited for longer, whoever makes it.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// How long the server may take to be done with a call that was given up, before its connection is closed.
pub(super) const LONGEST_DRAIN: Duration = Duration::from_secs(5);

/// A statement of ours: its only variable parts are names that were checked.
pub(super) fn query(sql: &Arc<str>) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

/// All rows of a statement.
pub(super) async fn rows(
    pool: &PgPool,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, StoreError> {
    call(pool, async |connection| query.fetch_all(connection).await).await
}

/// How many rows a statement has changed.
pub(super) async fn changed(
    pool: &PgPool,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<u64, StoreError> {
    let done = call(pool, async |connection| query.execute(connection).await).await?;
    Ok(done.rows_affected())
}

/// Statements without parameters.
pub(super) async fn run(pool: &PgPool, sql: &Arc<str>) -> Result<(), StoreError> {
    let script = sqlx::raw_sql(AssertSqlSafe(Arc::clone(sql)));
    call(pool, async |connection| script.execute(connection).await).await?;
    Ok(())
}

async fn call<T>(
    pool: &PgPool,
    call: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
) -> Result<T, StoreError> {
    // The pool panics without one.
    if Handle::try_current().is_err() {
        return Err(StoreError::new("called outside of a tokio runtime"));
    }
    let call = async {
        let mut lent = Lent::from(pool).await?;
        let result = call(&mut lent).await;
        if let Ok(_) | Err(sqlx::Error::Database(_)) = result {
            lent.give_back();
        }
        result
    };
    match timeout(LONGEST_CALL, call).await {
        Ok(result) => result.map_err(explain),
        Err(_) => Err(StoreError::new(format!("no answer within {LONGEST_CALL:?}"))),
    }
}

/// Until when a call is waited for.
pub(super) async fn within_limit<T>(call: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match timeout(LONGEST_CALL, call).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// A connection that is closed unless it is given back: after a call that was given up, an answer may still be on its
/// way. The pool would wait for that answer without end, and be one connection short until TCP gives up.
pub(super) struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    pub(super) async fn from(pool: &PgPool) -> sqlx::Result<Self> {
        Ok(Lent(Some(pool.acquire().await?)))
    }

    /// It has answered all that it was asked, and is in no transaction.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.0 {
            Some(connection) => connection,
            None => unreachable!("used after it was given back"),
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Some(connection) => connection,
            None => unreachable!("used after it was given back"),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return drop(connection.detach());
        };
        // It counts as in use until the server is done with it: a pool must not open more than it may.
        runtime.spawn(async move {
            let _ = timeout(LONGEST_DRAIN, connection.ping()).await;
            drop(connection.detach());
        });
    }
}

pub(super) fn explain(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    // No such table, function, schema.
    if let Some("42P01" | "42883" | "3F000") = code.as_deref() {
        return StoreError::new(format!(
            "{error}; was `PostgresStore::migrate` run for this schema and prefix?"
        ));
    }
    StoreError::new(error)
}
