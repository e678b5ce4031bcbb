//! sqlx's count of open transactions on a connection: a handler that begins another one is to get a savepoint.

use sqlx::{Database, SqlStr};
use sqlx_core::transaction::TransactionManager;

pub(super) async fn begin<DB: Database>(
    connection: &mut DB::Connection,
    statement: Option<SqlStr>,
) -> sqlx::Result<()> {
    DB::TransactionManager::begin(connection, statement).await
}

pub(super) async fn commit<DB: Database>(connection: &mut DB::Connection) -> sqlx::Result<()> {
    DB::TransactionManager::commit(connection).await
}

/// With all savepoints that were left open.
pub(super) async fn roll_back<DB: Database>(connection: &mut DB::Connection) -> sqlx::Result<()> {
    while depth::<DB>(connection) > 0 {
        DB::TransactionManager::rollback(connection).await?;
    }
    Ok(())
}

/// 1 in a transaction without savepoints.
pub(super) fn depth<DB: Database>(connection: &DB::Connection) -> usize {
    DB::TransactionManager::get_transaction_depth(connection)
}
