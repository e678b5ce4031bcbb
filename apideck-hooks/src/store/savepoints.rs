//! Transactions that sqlx counts.
//!
//! sqlx counts the open transactions of a connection. The store begins its transaction through
//! sqlx, so a handler that calls `begin` on its `Tx` gets a savepoint.

use sqlx::{Database, SqlStr};
use sqlx_core::transaction::TransactionManager;

/// Begins a transaction, with this statement or with sqlx's own.
pub(super) async fn begin<DB: Database>(
    connection: &mut DB::Connection,
    statement: Option<SqlStr>,
) -> sqlx::Result<()> {
    DB::TransactionManager::begin(connection, statement).await
}

/// Commits the transaction.
#[cfg(feature = "sqlite")]
pub(super) async fn commit(connection: &mut sqlx::SqliteConnection) -> sqlx::Result<()> {
    <sqlx::Sqlite as Database>::TransactionManager::commit(connection).await
}

/// Rolls back the transaction with the next message. sqlx does not count it any more.
#[cfg(feature = "postgres")]
pub(super) fn start_rollback(connection: &mut sqlx::PgConnection) {
    <sqlx::Postgres as Database>::TransactionManager::start_rollback(connection);
}

/// Rolls back the transaction and all of its open savepoints.
pub(super) async fn roll_back<DB: Database>(connection: &mut DB::Connection) -> sqlx::Result<()> {
    while depth::<DB>(connection) > 0 {
        DB::TransactionManager::rollback(connection).await?;
    }
    Ok(())
}

/// Returns the number of open transactions: 1 in a transaction without savepoints.
pub(super) fn depth<DB: Database>(connection: &DB::Connection) -> usize {
    DB::TransactionManager::get_transaction_depth(connection)
}
