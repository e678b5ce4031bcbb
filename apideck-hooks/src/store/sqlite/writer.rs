//! The one task that writes to the file.
//!
//! All operations that wait share one transaction. Handlers' transactions come one after another,
//! and all operations that have come meanwhile go before the next one.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::batch::{Batch, Terms};
use super::database::{Database, Failed};
use super::handler_transaction::Begin;
use super::lock::Lock;
use super::log::Log;
use super::operation::Operation;
use super::reader::Reader;
use super::writing_connection::WritingConnection;
use crate::store::losses::Unfinished;

/// Limit of the operations that wait, and of those in one transaction. Further ones wait for room.
pub(super) const QUEUE: usize = 1024;
/// Pause between two deletions while there are more expired rows.
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

/// SQLite's code for a `ROLLBACK` without a transaction: the failure has rolled back already.
const NO_TRANSACTION: i32 = 1;

pub(super) struct Writer {
    pub(super) operations: mpsc::Receiver<Box<dyn Operation>>,
    /// Handlers that wait for their transaction.
    pub(super) begins: mpsc::Receiver<Begin>,
    pub(super) database: Database,
    /// `None` after a failure that has broken it. The next transaction opens it again.
    pub(super) connection: Option<WritingConnection>,
    pub(super) readers: [Arc<Reader>; 2],
    pub(super) log: Log,
    pub(super) terms: Terms,
    /// Time limit of a handler's transaction.
    pub(super) tx_limit: Duration,
    pub(super) sweep_every: Duration,
    pub(super) unfinished: Arc<Unfinished>,
    /// Last, because it is dropped after the connection.
    pub(super) lock: Lock,
}

impl Writer {
    /// Runs until the store is dropped.
    pub(super) async fn run(mut self) {
        let mut next_sweep = Instant::now();
        loop {
            let mut operations = Vec::new();
            let mut begin = None;
            tokio::select! {
                biased;
                count = self.operations.recv_many(&mut operations, QUEUE) => if count == 0 { break },
                next = self.begins.recv() => begin = next,
                () = tokio::time::sleep_until(next_sweep) => {}
            }
            self.commit(operations).await;
            // One after each batch, so that neither waits for ever.
            if let Some(begin) = begin.or_else(|| self.begins.try_recv().ok()) {
                self.run_transaction(begin).await;
            }
            if next_sweep <= Instant::now() {
                let pause = if self.sweep().await {
                    SWEEP_PAUSE
                } else {
                    self.sweep_every
                };
                next_sweep = Instant::now() + pause;
            }
            // Callers that were answered may call again: in one batch rather than in many.
            tokio::task::yield_now().await;
        }
        let Self {
            connection,
            readers,
            lock,
            ..
        } = self;
        // Before the writing connection, because the last connection of a file copies its log into
        // it, which one that only reads cannot do.
        for reader in readers {
            reader.close().await;
        }
        if let Some(connection) = connection {
            let _ = connection.into_inner().close().await;
        }
        drop(lock);
    }

    /// Does these operations in one transaction, and answers them after its commit.
    async fn commit(&mut self, mut operations: Vec<Box<dyn Operation>>) {
        operations.retain(|operation| !operation.is_abandoned());
        if operations.is_empty() {
            return;
        }
        match self.try_commit(&mut operations).await {
            Err(failed) if operations.len() > 1 && failed.is_of_one_operation() => {
                // One of them fails. Alone, the others succeed.
                for mut operation in operations {
                    let result = self.try_commit(std::slice::from_mut(&mut operation)).await;
                    let error = result.err().map(|failed| self.database.explain(&failed));
                    operation.answer(error.as_deref());
                }
            }
            result => {
                let error = result.err().map(|failed| self.database.explain(&failed));
                operations
                    .into_iter()
                    .for_each(|operation| operation.answer(error.as_deref()));
            }
        }
    }

    async fn try_commit(&mut self, operations: &mut [Box<dyn Operation>]) -> Result<(), Failed> {
        let result = self.transact(operations).await;
        if result.is_err() {
            self.roll_back().await;
        }
        result
    }

    async fn transact(&mut self, operations: &mut [Box<dyn Operation>]) -> Result<(), Failed> {
        let terms = self.terms;
        self.connect().await?;
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let wanted: Vec<_> = operations.iter().map(|operation| operation.wanted()).collect();
        let mut batch = Batch::begin(connection, &wanted, terms).await?;
        for operation in operations {
            operation.apply(&mut batch);
        }
        self.database.check()?;
        self.log.check()?;
        batch.save_and_commit(connection).await
    }

    /// Opens the connection if there is none.
    pub(super) async fn connect(&mut self) -> Result<(), Failed> {
        if self.connection.is_none() {
            self.connection = Some(self.database.writer().await?);
            self.log = Log::new(&self.database);
        }
        Ok(())
    }

    /// Ends a failed transaction. The connection stays if possible, because another one can need
    /// room on a disk that is full.
    pub(super) async fn roll_back(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let rolled_back = sqlx::query("ROLLBACK").execute(&mut **connection).await;
        let code = rolled_back.err().map(|error| Failed::Sql(error).code());
        if code.is_some_and(|code| code != Some(NO_TRANSACTION)) {
            self.connection = None;
        }
    }
}
