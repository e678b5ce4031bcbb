//! The store's transaction as a parameter of a handler.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx::{Database, Transaction};

use super::{Failure, FromDelivery, Needs, NoState, Source};
use crate::delivery::Delivery;

/// The store's open transaction. Its commit also records the event as done, so changes through it
/// happen **exactly once**.
///
/// If the handler fails, panics, exceeds its time limit or dies with its process, its changes are
/// rolled back. Apideck's next retry runs it again. Take the `Tx` as the last parameter, and use it
/// as the connection that it dereferences to:
///
/// ```no_run
/// # #[cfg(feature = "postgres")] mod example {
/// use apideck_hooks::{Hooks, PostgresStore, Tx, events::ConnectionCallable, on, router};
/// use sqlx::Postgres;
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable, mut tx: Tx<Postgres>) -> sqlx::Result<()> {
///     sqlx::query("INSERT INTO syncs (consumer, service) VALUES ($1, $2)")
///         .bind(&event.entity.consumer_id)
///         .bind(&event.entity.service_id)
///         .execute(&mut *tx)
///         .await?;
///     Ok(())
/// }
///
/// # async fn run(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::new(pool);
/// store.migrate().await?;
/// let hooks = Hooks::builder(router![start_sync, ..])
///     .secret("key")
///     .store(store)
///     .source("billing")
///     .build()?;
/// # Ok(()) } }
/// ```
///
/// The transaction belongs to the store, so both must use the same database. `Tx<Postgres>` needs a
/// `PostgresStore` whose pool reaches the handler's tables. `Tx<Sqlite>` needs a `SqliteStore`
/// whose file has them. [`build`](crate::HooksBuilder::build) refuses any other store. A router can
/// have handlers with and without a `Tx`. A handler can begin or cease to take one in any release,
/// because the records are the same.
///
/// # Exactly once
///
/// Only changes through the transaction happen exactly once. A mail, a call to Apideck's API or a
/// statement on another connection happens again if the handler or the commit fails after it.
/// Insert such work into a table of jobs (an outbox) through the transaction, and do it from there.
///
/// # The end of the transaction
///
/// The claim is committed before the transaction begins, as for every handler. The commit of the
/// transaction records the end, and it needs the claim.
///
/// - The handler succeeds or ignores the event: the event is recorded as done, and all is
///   committed. The response is `200`.
/// - The handler fails, panics or exceeds its time limit: all is rolled back, and the failure is
///   recorded afterwards. The response is as for any handler.
/// - The database answers the commit with an error, for example because of a deferred constraint,
///   of a failed statement that the handler did not report, or because the server closes the
///   connection: all is rolled back, and the handler has failed. The response is `500`.
/// - The commit conflicts with another transaction: all is rolled back, and **the handler runs
///   again** after some milliseconds, three times at most. After that the response is `503`, and no
///   attempt counts. A conflict in one of the handler's own statements is an error that the handler
///   returns, as any other.
/// - Another delivery has taken the claim meanwhile: all is rolled back. The response follows from
///   the record.
/// - The connection breaks before the commit is answered at all: all or nothing is committed, and
///   the next delivery after the lease finds out. The response is `503`.
/// - The process dies: all is rolled back, and **the attempt counts**, because the claim is
///   committed. So a handler that kills its process is dead-lettered in the end. The event can be
///   claimed when its lease and its rest are over.
/// - [`shutdown`](crate::Hooks::shutdown) stops the handler: all is rolled back. The attempt does
///   not count, three times in a row. The response is `503`.
///
/// The store ends the transaction after the handler has returned. The handler cannot end it,
/// because it gets the connection and not sqlx's [`Transaction`]. `tx.begin()` makes a savepoint.
///
/// Do not send `COMMIT` or `ROLLBACK` as a statement, and do not keep a `Tx` after the handler's
/// end. The attempt fails in both cases, and the event is not recorded as done. SQLite rolls back
/// changes that a handler committed by a statement. In PostgreSQL they stay.
///
/// A handler may leave behind a statement that it started and did not await. If the handler fails
/// or is stopped, the statement is cancelled. If the handler succeeds, the store waits for the
/// statement: up to 60 seconds in PostgreSQL, and up to the limit of the transaction in SQLite.
/// After that all is rolled back.
///
/// # In other parameters
///
/// A `Tx` can only be a parameter of the handler itself. A parameter that is made from one does not
/// compile:
#[cfg_attr(feature = "postgres", doc = "```compile_fail")]
#[cfg_attr(not(feature = "postgres"), doc = "```ignore")]
/// # use apideck_hooks::{Delivery, Failure, FromDelivery, Hooks, NoState, Tx, on, router};
/// # use sqlx::Postgres;
/// struct Ledger(Tx<Postgres>);
///
/// impl FromDelivery for Ledger {
///     type State = NoState;
///     type Error = Failure;
///
///     async fn from_delivery(delivery: &Delivery, state: NoState) -> Result<Self, Failure> {
///         Ok(Ledger(Tx::from_delivery(delivery, state).await?))
///     }
/// }
/// # #[on("*")]
/// # async fn handler(_: Ledger) {}
/// # let _ = Hooks::builder(router![handler]).secret("key").build();
/// ```
///
/// # Duplicates
///
/// They wait for the outcome as for any handler, in this process and in others, and hold no
/// connection meanwhile. The run has a lease, which is renewed while the handler runs.
///
/// If a *machine* disappears, the event can be claimed after its lease and its rest. PostgreSQL
/// rolls the transaction back when the TCP connection times out. Until then the rows that the
/// handler has changed stay locked. `tcp_keepalives_idle` sets that time.
///
/// # Cost
///
/// In PostgreSQL a handler holds a connection of the pool for as long as it runs. Handlers can hold
/// all connections of the pool but two. Further deliveries wait for a connection up to
/// [`store_timeout`](crate::HooksBuilder::store_timeout), and are then answered `503`.
///
/// SQLite has one writer. Handlers with a `Tx` run one after another, and **nothing else is written
/// to the file meanwhile**. The claims of other events wait too. So a transaction has a limit of
/// its own, `tx_limit` of the store's builder, 4 seconds by default. At the limit the transaction
/// is rolled back, and the handler has failed. Duplicates of settled events do not wait. If a
/// handler keeps its `Tx` after its end, all other deliveries are answered `503` until the `Tx` is
/// dropped.
///
/// # Tests
///
/// The handler is still a function. `start_sync(event, pool.begin().await?.into())` runs it in a
/// transaction that is rolled back at the handler's end. `testing::TestTx` (feature `testing`) also
/// shows what the handler wrote.
pub struct Tx<DB>(Box<dyn Connected<DB> + Send>);

/// Access to a connection of the database.
///
/// The bounds are on the methods and not on [`Tx`], because each mention of a `Tx` of another type
/// would be an error then. So only the check of the parameter reports it.
trait Connected<DB> {
    fn connection(&self) -> &DB::Connection
    where
        DB: Database;

    fn connection_mut(&mut self) -> &mut DB::Connection
    where
        DB: Database;
}

impl<DB: Database, T: DerefMut<Target = DB::Connection>> Connected<DB> for T {
    fn connection(&self) -> &DB::Connection {
        self
    }

    fn connection_mut(&mut self) -> &mut DB::Connection {
        self
    }
}

impl<DB: Database> Tx<DB> {
    pub(crate) fn new(connection: impl DerefMut<Target = DB::Connection> + Send + 'static) -> Self {
        Self(Box::new(connection))
    }
}

/// Makes a `Tx` for a test of a handler. It is rolled back when it is dropped.
impl<DB: Database> From<Transaction<'static, DB>> for Tx<DB> {
    fn from(transaction: Transaction<'static, DB>) -> Self {
        Self::new(transaction)
    }
}

impl<DB: Database> Deref for Tx<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        (*self.0).connection()
    }
}

impl<DB: Database> DerefMut for Tx<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        (*self.0).connection_mut()
    }
}

impl<DB> fmt::Debug for Tx<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

/// A database whose transactions handlers can take: `sqlx::Postgres` with the feature `postgres`,
/// and `sqlx::Sqlite` with the feature `sqlite`.
#[diagnostic::on_unimplemented(
    message = "no store has transactions of `{Self}`",
    label = "not a database of a store",
    note = "take `Tx<sqlx::Postgres>` with the feature `postgres`, or `Tx<sqlx::Sqlite>` with the feature `sqlite`",
    note = "the stores use sqlx 0.9, and a `{Self}` of another version of sqlx is another type: use version 0.9, or the types in `apideck_hooks::sqlx`"
)]
pub trait Transactional: Database + sealed::Sealed {
    #[doc(hidden)]
    const NAME: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

#[cfg(feature = "postgres")]
impl sealed::Sealed for sqlx::Postgres {}
#[cfg(feature = "postgres")]
impl Transactional for sqlx::Postgres {
    const NAME: &'static str = "Postgres";
}

#[cfg(feature = "sqlite")]
impl sealed::Sealed for sqlx::Sqlite {}
#[cfg(feature = "sqlite")]
impl Transactional for sqlx::Sqlite {
    const NAME: &'static str = "Sqlite";
}

impl<DB: Transactional> FromDelivery for Tx<DB> {
    type State = NoState;
    type Error = Failure;

    const NEEDS: Needs = Needs::Transaction(<DB as Transactional>::NAME);

    async fn from_delivery(_: &Delivery, _: NoState) -> Result<Self, Failure> {
        // Only another parameter calls this, because `take` is overridden.
        const {
            assert!(
                <DB as Transactional>::NAME.is_empty(),
                "a `Tx` can only be a parameter of the handler itself, not a part of another parameter"
            )
        };
        Err(missing())
    }

    async fn take(Source(incoming): Source<'_>, _: NoState) -> Result<Self, Failure> {
        let transaction = incoming.transaction.take();
        let transaction = transaction.and_then(|transaction| transaction.downcast::<Self>().ok());
        transaction.map_or_else(|| Err(missing()), |transaction| Ok(*transaction))
    }
}

/// The failure without the transaction. It is not expected, because `build` has checked the store.
fn missing() -> Failure {
    Failure::retry("the store gave no transaction of this database")
}
