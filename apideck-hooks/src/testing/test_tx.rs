//! A transaction for unit tests of handlers.

use std::fmt;

use sqlx::{Database, Transaction};
use tokio::sync::oneshot;

use crate::handler::Tx;
use crate::store::HandlerConnection;

/// A transaction that a unit test lends to a handler as its [`Tx`]. The test sees what the handler
/// wrote, and nothing is committed.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod example {
/// use apideck_hooks::testing::TestTx;
/// use apideck_hooks::{Tx, events::ConnectionCallable, on};
/// use sqlx::{Sqlite, SqlitePool};
/// # use apideck_hooks::sqlx;
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
///     let insert = sqlx::query("INSERT INTO syncs (consumer) VALUES ($1)");
///     insert.bind(&event.entity.consumer_id).execute(&mut *tx).await?;
///     Ok(())
/// }
///
/// # pub async fn run(pool: SqlitePool) -> sqlx::Result<()> {
/// let mut transaction = TestTx::new(pool.begin().await?);
/// start_sync(ConnectionCallable::example(), transaction.lend()).await?;
///
/// let query = sqlx::query_scalar("SELECT consumer FROM syncs");
/// let consumers: Vec<String> = query.fetch_all(transaction.connection()).await?;
/// assert_eq!(consumers, ["test_user_id"]);
/// # Ok(()) } }
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #     use apideck_hooks::sqlx;
/// #     let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// #     let pool = pool.connect("sqlite::memory:").await.unwrap();
/// #     sqlx::query("CREATE TABLE syncs (consumer TEXT)").execute(&pool).await.unwrap();
/// #     example::run(pool).await.unwrap();
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub struct TestTx<DB: Database> {
    /// `None` while a handler has it.
    transaction: Option<Transaction<'static, DB>>,
    lent: Option<oneshot::Receiver<Transaction<'static, DB>>>,
}

impl<DB: Database> TestTx<DB> {
    /// Takes a transaction. It is rolled back when the `TestTx` is dropped.
    pub fn new(transaction: Transaction<'static, DB>) -> Self {
        Self {
            transaction: Some(transaction),
            lent: None,
        }
    }

    /// Lends the transaction to a handler. It comes back when the handler drops its `Tx`, so it can
    /// be lent again afterwards.
    ///
    /// # Panics
    ///
    /// An earlier handler still holds its `Tx`.
    #[track_caller]
    pub fn lend(&mut self) -> Tx<DB> {
        let (lent, returned) = HandlerConnection::new(self.take());
        self.lent = Some(returned);
        Tx::new(lent)
    }

    /// Returns the connection of the transaction, on which a query sees what the handler wrote.
    ///
    /// # Panics
    ///
    /// The handler still holds its `Tx`. In a receiver such a run fails.
    #[track_caller]
    pub fn connection(&mut self) -> &mut DB::Connection {
        let transaction = self.take();
        self.transaction.insert(transaction)
    }

    #[track_caller]
    fn take(&mut self) -> Transaction<'static, DB> {
        let returned = match self.lent.take() {
            Some(mut lent) => lent.try_recv().ok(),
            None => self.transaction.take(),
        };
        returned.expect("the handler still holds its `Tx`: it must be dropped before the handler returns")
    }
}

impl<DB: Database> fmt::Debug for TestTx<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestTx").finish_non_exhaustive()
    }
}
