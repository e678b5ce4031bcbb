//! Transactions for handlers, on connections of the pool that the store was given.
//!
//! # How it works
//!
//! A transaction has a random number. It holds the advisory lock of that number, and has it as a
//! setting. Both end with the transaction. The setting tells the end that the handler has not ended
//! the transaction itself. The lock tells which server process has the transaction, if a statement
//! has to be cancelled. So a transaction begins in one round trip, which returns no row.
//!
//! The end is recorded and committed in one round trip, too. sqlx must count the transaction as
//! ended, and has no way to be told so without a statement. So the commit begins another one, which
//! is empty, and sqlx rolls it back just before its pool looks at the connection. No statement here
//! is prepared, so no pooler runs another one in its place.
//!
//! A begin, an end and a rollback must not be dropped half-way. So each runs in a task of its own.

use std::hash::{BuildHasher, RandomState};
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row, SqlSafeStr};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

use super::PostgresStore;
use super::claims::time;
use super::connections::Connections;
use super::errors::{code, explain, is_conflict};
use super::statements::begin_transaction;
use crate::handler::{Transactional, Tx};
use crate::store::handler_connection::HandlerConnection;
use crate::store::savepoints;
use crate::store::transactions::{
    Begun, Committed, Ending, TX_ENDED_BY_HANDLER, TX_STILL_HELD, Transactions, sealed,
};
use crate::store::{Grant, StoreError};

/// Maximum time of a message of the store in a transaction.
const LONGEST_MESSAGE: Duration = Duration::from_secs(60);

/// Time for which a statement that a handler has left behind can go on before it is cancelled.
const LONGEST_LEFTOVER: Duration = Duration::from_millis(200);

/// Maximum time of a rollback. After it the connection is closed.
const LONGEST_ROLLBACK: Duration = Duration::from_secs(5);

/// The error of a connection whose answers are one behind. sqlx does not wait for some statements
/// whose futures were dropped.
const ANSWER_TO_ANOTHER: &str =
    "the commit was answered by another statement, which the handler has left behind";

impl sealed::Sealed for PostgresStore {}

#[async_trait]
impl Transactions for PostgresStore {
    fn database(&self) -> &'static str {
        <Postgres as Transactional>::NAME
    }

    fn at_once(&self) -> Option<u32> {
        Some(self.transactions)
    }

    async fn begin(&self, wait: Duration) -> Result<Begun, StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::new("called outside of a tokio runtime"));
        }
        let Ok(slot) = timeout(wait, Arc::clone(&self.slots).acquire_owned()).await else {
            return Ok(Begun::Busy);
        };
        let slot = slot.map_err(StoreError::new)?;
        let begin = begin(self.connections.clone(), slot, wait, self.limits.retention);
        let begun = tokio::spawn(begin);
        // If it takes too long, the transaction is rolled back when it has begun.
        let limit = wait + LONGEST_ROLLBACK;
        match timeout(limit, begun).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => Err(StoreError::new(error)),
            Err(_) => Err(StoreError::new(format!("no transaction within {limit:?}"))),
        }
    }
}

async fn begin(
    connections: Connections,
    slot: OwnedSemaphorePermit,
    wait: Duration,
    retention: Duration,
) -> Result<Begun, StoreError> {
    let connection = match timeout(wait, connections.given().acquire()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => return Ok(Begun::Busy),
        Ok(Err(error)) => return Err(explain(error)),
    };
    let mut connection = TransactionConnection {
        connection: Some(connection),
        _slot: slot,
    };
    let number = RandomState::new().hash_one(0_u8).cast_signed();
    let begin = AssertSqlSafe(begin_transaction(number)).into_sql_str();
    let begun = savepoints::begin::<Postgres>(&mut connection, Some(begin));
    within_limit(begun).await.map_err(explain)?;
    let (handler, returned) = HandlerConnection::new(connection);
    Ok(Begun::Open {
        tx: Box::new(Tx::<Postgres>::new(handler)),
        ending: Box::new(PostgresEnding {
            connections,
            returned,
            number,
            retention,
        }),
    })
}

/// A connection of the given pool in the transaction of a handler. Dropping it closes the
/// connection, because the transaction may still be open.
struct TransactionConnection {
    /// `None` once it is back in the pool.
    connection: Option<PoolConnection<Postgres>>,
    _slot: OwnedSemaphorePermit,
}

impl TransactionConnection {
    /// Gives the connection back. The transaction has ended.
    fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Deref for TransactionConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("the connection is there until it is given back"),
        }
    }
}

impl DerefMut for TransactionConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("the connection is there until it is given back"),
        }
    }
}

impl Drop for TransactionConnection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // The pool panics outside of a runtime.
        if Handle::try_current().is_ok() {
            connection.close_on_drop();
        } else {
            drop(connection.detach());
        }
    }
}

struct PostgresEnding {
    connections: Connections,
    returned: oneshot::Receiver<TransactionConnection>,
    number: i64,
    retention: Duration,
}

#[async_trait]
impl Ending for PostgresEnding {
    async fn commit(mut self: Box<Self>, grant: Grant) -> Committed {
        let Ok(connection) = self.returned.try_recv() else {
            return Committed::No(StoreError::new(TX_STILL_HELD));
        };
        let statements = self.connections.statements();
        let end = statements.end_transaction(self.number, grant, time(self.retention));
        match tokio::spawn(commit(connection, end, self.number)).await {
            Ok(committed) => committed,
            Err(error) => Committed::Unknown(StoreError::new(error)),
        }
    }

    async fn roll_back(mut self: Box<Self>) {
        let Ok(connection) = self.returned.try_recv() else {
            return tracing::error!("{TX_STILL_HELD}");
        };
        let _ = tokio::spawn(abandon(connection, self.connections, self.number)).await;
    }
}

async fn commit(mut connection: TransactionConnection, end: String, number: i64) -> Committed {
    let ended_by_handler = || Committed::No(StoreError::new(TX_ENDED_BY_HANDLER));
    if savepoints::depth::<Postgres>(&connection) != 1 {
        return refuse(connection, ended_by_handler()).await;
    }
    let end = sqlx::raw_sql(AssertSqlSafe(end));
    let error = match within_limit(end.fetch_all(&mut *connection)).await {
        Ok(rows) if is_end_of(&rows, number) => {
            savepoints::start_rollback(&mut connection);
            connection.give_back();
            return Committed::Yes;
        }
        Ok(_) => return Committed::Unknown(StoreError::new(ANSWER_TO_ANOTHER)),
        Err(error) => error,
    };
    match code(&error).as_deref() {
        Some("AH002") => refuse(connection, ended_by_handler()).await,
        Some("AH003") => refuse(connection, Committed::Lost).await,
        _ if is_conflict(&error) => Committed::Conflict(explain(error)),
        // A pooler can answer so although the transaction was committed. The end of the failed run
        // is recorded next, and does not apply then.
        Some(_) => Committed::No(explain(error)),
        None => Committed::Unknown(explain(error)),
    }
}

/// Rolls back, and returns why.
async fn refuse(mut connection: TransactionConnection, why: Committed) -> Committed {
    if roll_back(&mut connection).await {
        connection.give_back();
    }
    why
}

/// Tells if this is the answer to the end of the transaction with this number.
fn is_end_of(rows: &[PgRow], number: i64) -> bool {
    matches!(rows, [row] if row.try_get(0).is_ok_and(|answer: i64| answer == number))
}

async fn within_limit<T>(statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match timeout(LONGEST_MESSAGE, statement).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Rolls back what a handler has left behind, also a statement that runs.
async fn abandon(mut connection: TransactionConnection, connections: Connections, number: i64) {
    let rolled_back = {
        let mut rolled_back = pin!(roll_back(&mut connection));
        match timeout(LONGEST_LEFTOVER, &mut rolled_back).await {
            Ok(rolled_back) => rolled_back,
            Err(_) => {
                // sqlx sends the rollback when the statement has ended. It is not polled meanwhile,
                // so the transaction stays open, and a pooler cannot give its process away.
                connections.cancel_transaction(number).await && rolled_back.await
            }
        }
    };
    if rolled_back {
        connection.give_back();
    }
}

/// Returns `true` if the connection is as it was before the transaction.
async fn roll_back(connection: &mut PgConnection) -> bool {
    matches!(
        timeout(LONGEST_ROLLBACK, savepoints::roll_back::<Postgres>(connection)).await,
        Ok(Ok(()))
    )
}
