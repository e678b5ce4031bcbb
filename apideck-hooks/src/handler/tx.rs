//! The open transaction, as a parameter.

use super::{Failure, FromDelivery, Incoming, Needs, NoState};
use crate::delivery::Delivery;
use sqlx::{Database, Transaction};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// The open transaction in which the handler's event is marked as done: what goes through it happens **exactly once**.
///
/// One commit settles both. If the handler fails, panics, takes too long or dies with its process, neither is there, and the
/// event is tried again. Take it as the last parameter and use it as the connection that it dereferences to:
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
/// let hooks = Hooks::builder(router![start_sync, ..]).secret("key").store(store).build()?;
/// # Ok(()) } }
/// ```
///
/// The store must be of the same database, as it is the store's transaction: `Tx<Postgres>` with a
/// `PostgresStore`, on whose pool the tables of the handler must be; `Tx<Sqlite>` with a `SqliteStore`, in whose file they
/// must be. [`build`](crate::HooksBuilder::build) refuses any other store. One router may have handlers that take it and
/// handlers that do not, and a handler may come to take it or no longer take it from one release to the next: their records
/// are the same.
///
/// # What is exactly once
///
/// What goes through the transaction, and nothing else. A mail, a call to Apideck's API, a statement on another connection
/// happens again if the handler fails after it, or its commit does. Write down in the transaction that it is to be done (a
/// table of jobs, an outbox), and do it from there.
///
/// # How it ends
///
/// | | | answer |
/// | --- | --- | --- |
/// | the handler succeeds, or ignores the event | marked as done, committed | `200` |
/// | it fails, panics, or reaches its time limit | rolled back; a second transaction counts the attempt, or sets the event aside | as for any handler |
/// | the commit is refused: a deferred constraint, a statement before that failed and was not reported | as a failure | `500` |
/// | the connection breaks before the commit is asked for | nothing is left; as a failure | `500` |
/// | it breaks before the commit is answered | all of it or nothing; the next delivery finds out which | `503` |
/// | the process dies | nothing is left, and the attempt is not counted | none |
/// | [`shutdown`](crate::Hooks::shutdown) stops it | rolled back; the attempt is not counted | `503` |
///
/// The transaction ends when the handler returns, and not by its hand: it gets the connection, not sqlx's
/// [`Transaction`]. `tx.begin()` makes a savepoint. A `COMMIT` or `ROLLBACK` sent as a statement is a mistake, and so
/// is to keep a `Tx` past the handler's end: nothing is marked as done then, and the attempt fails. SQLite commits nothing that a
/// handler commits by itself; in PostgreSQL that stays, whatever becomes of the attempt.
///
/// A statement that was started and not waited for is ended with a handler that fails or is stopped. One that succeeds has it
/// waited for, for some seconds; then the attempt fails.
///
/// It is a parameter of the handler itself. One that makes another parameter of it does not compile:
///
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
/// In the same process they wait for the outcome, as those of any handler do. From another process they wait for the
/// transaction's end, for 5 seconds at most; then they are answered `503` with `Retry-After`. There is no lease, as there is
/// nothing that could be left behind: what a process was doing ends with it. A *machine* that vanishes is noticed by
/// PostgreSQL when its TCP connection times out; `tcp_keepalives_idle` sets when that is.
///
/// # What it costs
///
/// In PostgreSQL a connection of the pool for as long as the handler runs. All but one of the pool's connections can be used so
/// at once; more deliveries wait for their turn up to [`store_timeout`](crate::HooksBuilder::store_timeout), and are
/// answered `503` then.
///
/// SQLite has one writer. These handlers run one after another, and **nothing else is written to the file meanwhile**, the
/// claims of other handlers included: they wait up to `store_timeout`. Do no slow work in such a handler, and give
/// [`handler_timeout`](crate::HooksBuilder::handler_timeout) a few seconds. As long as a `Tx` is kept past its handler's end,
/// nothing can be written either, and all deliveries are answered `503`.
///
/// # Tests
///
/// The handler stays a function. `start_sync(event, pool.begin().await?.into())` runs it in a transaction that is rolled
/// back.
pub struct Tx<DB: Database>(Box<dyn DerefMut<Target = DB::Connection> + Send>);

impl<DB: Database> Tx<DB> {
    pub(crate) fn new(connection: impl DerefMut<Target = DB::Connection> + Send + 'static) -> Self {
        Tx(Box::new(connection))
    }
}

/// For a test of a handler: what it does is rolled back when the handler returns.
impl<DB: Database> From<Transaction<'static, DB>> for Tx<DB> {
    fn from(transaction: Transaction<'static, DB>) -> Self {
        Tx::new(transaction)
    }
}

impl<DB: Database> Deref for Tx<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.0
    }
}

impl<DB: Database> DerefMut for Tx<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.0
    }
}

impl<DB: Database> fmt::Debug for Tx<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

/// A database whose store gives transactions: `sqlx::Postgres` with the feature `postgres`, `sqlx::Sqlite` with `sqlite`.
#[diagnostic::on_unimplemented(
    message = "no store gives transactions of `{Self}`",
    label = "not a database of a store",
    note = "take `Tx<sqlx::Postgres>` with the feature `postgres`, or `Tx<sqlx::Sqlite>` with the feature `sqlite`"
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
        // Whoever makes a parameter of their own out of it learns so while compiling.
        const {
            assert!(
                <DB as Transactional>::NAME.is_empty(),
                "a `Tx` is a parameter of the handler itself, not a part of another one"
            )
        };
        Err(missing())
    }

    async fn take(incoming: &mut Incoming, _: NoState) -> Result<Self, Failure> {
        let transaction = incoming.transaction.take();
        let transaction = transaction.and_then(|transaction| transaction.downcast::<Self>().ok());
        transaction.map_or_else(|| Err(missing()), |transaction| Ok(*transaction))
    }
}

/// `build` has asked the store.
fn missing() -> Failure {
    Failure::retry("the store gave no such transaction")
}
