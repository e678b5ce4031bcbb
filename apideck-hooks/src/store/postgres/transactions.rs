//! Transactions for handlers, on connections of the pool that the store was given.
//!
//! # How it works
//!
//! A transaction has a random number. It holds the advisory lock of that number, and has it as a
//! setting. Both end with the transaction. The setting tells the last statement that the handler
//! has not ended the transaction itself. The lock tells which server process has the transaction,
//! if a statement has to be cancelled. So a transaction begins in one round trip, which returns no
//! row.
//!
//! sqlx's `begin`, `commit` and `rollback` must not be dropped half-way. So each runs in a task of
//! its own.

use std::hash::{BuildHasher, RandomState};
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, SqlSafeStr};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

use super::PostgresStore;
use super::call::Call;
use super::claims::{held, time};
use super::connections::Connections;
use super::errors::{code, explain, is_answer, is_conflict, mixes_statements_up};
use super::row::get;
use super::statements::begin_transaction;
use crate::handler::{Transactional, Tx};
use crate::store::handler_connection::HandlerConnection;
use crate::store::savepoints;
use crate::store::transactions::{
    Begun, Committed, Ending, TX_ENDED_BY_HANDLER, TX_STILL_HELD, Transactions, sealed,
};
use crate::store::{Grant, StoreError};

/// Maximum time of a statement of the store in a transaction, and of the commit.
const LONGEST_STATEMENT: Duration = Duration::from_secs(60);

/// Maximum time for which the end of a handler waits for the lock of its record.
const LONGEST_LOCK: &str = "5s";

/// Time for which a statement that a handler has left behind can go on before it is cancelled.
const LONGEST_LEFTOVER: Duration = Duration::from_millis(200);

/// Maximum time of a rollback. After it the connection is closed.
const LONGEST_ROLLBACK: Duration = Duration::from_secs(5);

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

/// A connection of the given pool in a transaction. Dropping it closes the connection, because only
/// a connection without a transaction may go back to the pool.
struct TransactionConnection {
    /// `None` once it is back in the pool.
    connection: Option<PoolConnection<Postgres>>,
    _slot: OwnedSemaphorePermit,
}

impl TransactionConnection {
    /// Gives the connection back. It is not in a transaction.
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
        let done = held(Call::new(&statements.done), grant);
        let still = held(Call::new(&statements.in_transaction), grant);
        let (Some(done), Some(still)) = (done, still) else {
            return Committed::Lost;
        };
        let done = done
            .bind(time(self.retention))
            .bind(LONGEST_LOCK)
            .bind(self.number.to_string());
        let still = still.bind(self.number.to_string());
        match tokio::spawn(commit(connection, done, still)).await {
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

async fn commit(mut connection: TransactionConnection, done: Call, still: Call) -> Committed {
    if let Some(refused) = record_end(&mut connection, &done, &still).await {
        if roll_back(&mut connection).await {
            connection.give_back();
        }
        return refused;
    }
    match within_limit(savepoints::commit::<Postgres>(&mut connection)).await {
        Ok(()) => {
            connection.give_back();
            Committed::Yes
        }
        Err(error) if is_conflict(&error) => Committed::Conflict(explain(error)),
        Err(error) if is_refusal(&error) => Committed::No(explain(error)),
        Err(error) => Committed::Unknown(explain(error)),
    }
}

/// Records the end. Returns the reason if the transaction must not be committed.
async fn record_end(connection: &mut PgConnection, done: &Call, still: &Call) -> Option<Committed> {
    let ended_by_handler = || Some(Committed::No(StoreError::new(TX_ENDED_BY_HANDLER)));
    if savepoints::depth::<Postgres>(connection) != 1 {
        return ended_by_handler();
    }
    match rows(connection, done).await {
        Ok(rows) if !rows.is_empty() => return done.check(rows).err().map(Committed::No),
        Ok(_) => {}
        Err(refused) => return Some(refused),
    }
    let rows = match rows(connection, still).await {
        Ok(rows) => still.check(rows),
        Err(refused) => return Some(refused),
    };
    match rows.and_then(|rows| Ok((get(&rows[0], 2)?, get(&rows[0], 3)?))) {
        Ok((true, true)) => Some(Committed::No(mixes_statements_up())),
        Ok((true, false)) => Some(Committed::Lost),
        Ok((false, _)) => ended_by_handler(),
        Err(error) => Some(Committed::No(error)),
    }
}

async fn rows(connection: &mut PgConnection, call: &Call) -> Result<Vec<PgRow>, Committed> {
    let rows = within_limit(call.run(connection)).await;
    rows.map_err(|error| match is_conflict(&error) {
        true => Committed::Conflict(explain(error)),
        false => Committed::No(explain(error)),
    })
}

async fn within_limit<T>(statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match timeout(LONGEST_STATEMENT, statement).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Tells if the server has said that it did not commit, for example because of a deferred
/// constraint. An error that ends the connection, or is of a pooler, does not say that.
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = code(error).unwrap_or_default();
    is_answer(error) && !matches!(code.get(..2), None | Some("08" | "57" | "58" | "XX"))
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
