//! The one task that writes: all that waits goes into one transaction.

use super::alone;
use super::batch::{Batch, delete, key};
use super::clock::Clock;
use super::database::{Database, Failed};
use super::lendable::Lendable;
use super::lock::Lock;
use super::operation::{Answered, Begin, Operation};
use super::record::Now;
use sqlx::{Connection, Row};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Operations in one transaction, at the most.
const BATCH: usize = 512;
/// Operations that wait, at the most; more wait for room.
pub(super) const QUEUE: usize = 1024;
/// Records that one transaction of the sweeper deletes, at the most.
const SWEEP: i64 = 500;
/// Between two full ones.
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

/// SQLite's code for a `ROLLBACK` after a failure that has rolled back by itself, and for other mistakes that are ours.
const NO_TRANSACTION: &str = "1";

pub(super) struct Writer {
    pub(super) queue: mpsc::Receiver<Operation>,
    /// Handlers that wait for their transaction.
    pub(super) begins: mpsc::Receiver<Begin>,
    pub(super) database: Database,
    /// None if it was of no more use: the next transaction makes it anew.
    pub(super) connection: Option<Lendable>,
    pub(super) clock: Clock,
    pub(super) boot: i64,
    /// Milliseconds.
    pub(super) retention: i64,
    pub(super) sweep_every: Duration,
    pub(super) floor: u64,
    /// Dropped after the connection.
    pub(super) lock: Lock,
}

impl Writer {
    /// Ends when nobody is left to ask.
    pub(super) async fn run(mut self) {
        let mut operations = Vec::new();
        let mut next_sweep = Instant::now();
        loop {
            // FirstHandlers to give back do not wait for company.
            let room = BATCH - operations.len();
            let mut begin = None;
            if operations.is_empty() {
                tokio::select! {
                    biased;
                    count = self.queue.recv_many(&mut operations, room) => if count == 0 { break },
                    next = self.begins.recv() => begin = next,
                    () = tokio::time::sleep_until(next_sweep) => {}
                }
            } else {
                while operations.len() < BATCH
                    && let Ok(operation) = self.queue.try_recv()
                {
                    operations.push(operation);
                }
            }
            if !operations.is_empty() {
                operations = self.commit(operations).await;
            }
            // One after each batch, so that neither keeps the other waiting for ever.
            if let Some(begin) = begin.or_else(|| self.begins.try_recv().ok()) {
                self.lend(begin).await;
            }
            if next_sweep <= Instant::now() {
                let pause = match self.sweep().await {
                    Ok(true) => SWEEP_PAUSE,
                    Ok(false) => self.sweep_every,
                    Err(why) => {
                        tracing::warn!(
                            error = why,
                            "records whose retention is over could not be deleted"
                        );
                        self.sweep_every
                    }
                };
                next_sweep = Instant::now() + pause;
            }
            // Whoever was answered may ask again: together rather than one by one.
            tokio::task::yield_now().await;
        }
        let Writer { connection, lock, .. } = self;
        if let Some(connection) = connection {
            let _ = connection.into_inner().close().await;
        }
        drop(lock);
    }

    /// Does these operations in one transaction and answers them after its commit. Returns what is left to do.
    async fn commit(&mut self, mut operations: Vec<Operation>) -> Vec<Operation> {
        operations.retain(|operation| !operation.is_abandoned());
        let mut answers = Vec::with_capacity(operations.len());
        match self.transact(&mut operations, &mut answers).await {
            Ok(()) => answers.into_iter().filter_map(Answered::tell).collect(),
            Err(why) => {
                operations.into_iter().for_each(|operation| operation.fail(&why));
                answers.into_iter().for_each(|answer| answer.fail(&why));
                Vec::new()
            }
        }
    }

    async fn transact(
        &mut self,
        operations: &mut Vec<Operation>,
        answers: &mut Vec<Answered>,
    ) -> Result<(), String> {
        if operations.is_empty() {
            return Ok(());
        }
        let (now, floor) = (self.now(), self.floor);
        let result = async {
            let connection = connected(&self.database, &mut self.connection).await?;
            if let [operation] = &operations[..]
                && alone::try_out(connection, operation, &now, floor).await?
            {
                let answered = operations.pop().and_then(|done| alone::answer(done, &now, floor));
                answers.extend(answered);
                return Ok(floor);
            }
            let mut batch = Batch::load(connection, operations, now, floor).await?;
            answers.extend(operations.drain(..).map(|operation| batch.apply(operation)));
            batch.save(connection).await?;
            Ok(batch.floor)
        };
        let result = result.await;
        self.floor = self.checked(result).await?;
        Ok(())
    }

    /// Deletes some records whose retention is over; whether there may be more.
    async fn sweep(&mut self) -> Result<bool, String> {
        const OVER: &str = "
            BEGIN IMMEDIATE;
            SELECT key, token FROM apideck_hooks_records WHERE state <> 1 AND at <= ?1 ORDER BY at LIMIT ?2";
        let over = self.clock.now().saturating_sub(self.retention);
        let result = async {
            let connection = connected(&self.database, &mut self.connection).await?;
            let rows = sqlx::query(OVER).bind(over).bind(SWEEP);
            let rows = rows.fetch_all(&mut **connection).await?;
            let (mut keys, mut floor) = (Vec::with_capacity(rows.len()), 0);
            for row in &rows {
                keys.push(key(row, 0)?);
                floor = floor.max(row.try_get::<i64, _>(1)?);
            }
            if !keys.is_empty() {
                delete(connection, &keys).await?;
            }
            sqlx::query("COMMIT").execute(&mut **connection).await?;
            Ok((keys.len(), floor))
        };
        let result = result.await;
        let (deleted, floor) = self.checked(result).await?;
        self.floor = self.floor.max(u64::try_from(floor).unwrap_or(0));
        Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted >= SWEEP))
    }

    /// After a failure nothing is left of the transaction. The connection stays if it can: to make one may need room on a
    /// disk that has none, and what was handled before is to be known all the same.
    async fn checked<T>(&mut self, result: Result<T, Failed>) -> Result<T, String> {
        let failed = match result {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        if let Some(connection) = &mut self.connection
            && let Err(error) = sqlx::query("ROLLBACK").execute(&mut **connection).await
            && error
                .as_database_error()
                .and_then(|error| error.code())
                .as_deref()
                != Some(NO_TRANSACTION)
        {
            self.connection = None;
        }
        Err(self.database.explain(&failed))
    }

    pub(super) fn now(&self) -> Now {
        Now {
            at: self.clock.now(),
            boot: self.boot,
            retention: self.retention,
        }
    }
}

pub(super) async fn connected<'a>(
    database: &Database,
    connection: &'a mut Option<Lendable>,
) -> Result<&'a mut Lendable, Failed> {
    Ok(match connection {
        Some(connection) => connection,
        None => connection.insert(database.writer().await?),
    })
}
