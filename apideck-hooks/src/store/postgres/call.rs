//! One call on one connection.

use super::connections::Connections;
use crate::store::StoreError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// No call is waited for longer, whoever makes it.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// A statement of ours: its only variable parts are names that were checked.
pub(super) fn query(sql: &Arc<str>) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

/// All rows of a statement.
pub(super) async fn rows(
    connections: &Connections,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, StoreError> {
    call(connections, async |connection| query.fetch_all(connection).await).await
}

/// How many rows a statement has changed.
pub(super) async fn changed(
    connections: &Connections,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<u64, StoreError> {
    let done = call(connections, async |connection| query.execute(connection).await).await?;
    Ok(done.rows_affected())
}

/// Statements without parameters.
pub(super) async fn run(connections: &Connections, sql: &Arc<str>) -> Result<(), StoreError> {
    let script = sqlx::raw_sql(AssertSqlSafe(Arc::clone(sql)));
    call(connections, async |connection| script.execute(connection).await).await?;
    Ok(())
}

async fn call<T>(
    connections: &Connections,
    call: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
) -> Result<T, StoreError> {
    // The pool panics without one.
    if Handle::try_current().is_err() {
        return Err(StoreError::new("called outside of a tokio runtime"));
    }
    let call = async {
        let mut lent = connections.lend().await?;
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
