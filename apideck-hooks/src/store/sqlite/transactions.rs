//! Handlers' transactions.
//!
//! # How it works
//!
//! The file has one writer, so the writer gives its own connection to the handler, and writes
//! nothing until the connection is back. The store's ending sends an order, and the handler's `Tx`
//! returns the connection when it is dropped. Two switches of the connection work meanwhile: a
//! commit by the handler fails, and after the time limit every long statement fails.
//!
//! A connection cannot be taken from a handler that keeps it. So after the limit, operations are
//! refused at once until it is back. The receiver ends the handler at the same limit, which drops
//! the `Tx`.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Connection as _, SqlSafeStr, Sqlite};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::SqliteStore;
use super::batch::Batch;
use super::database::Failed;
use super::handler_transaction::{Begin, EndOrder, SqliteEnding};
use super::wanted::Wanted;
use super::writer::Writer;
use super::writing_connection::WritingConnection;
use crate::handler::{Transactional, Tx};
use crate::store::handler_connection::HandlerConnection;
use crate::store::savepoints;
use crate::store::transactions::{
    Begun, Committed, TX_ENDED_BY_HANDLER, TX_STILL_HELD, Transactions, sealed,
};
use crate::store::{End, Grant, Held, StoreError};

/// Time to wait for a connection that was not given back, before all operations are refused.
const PATIENCE: Duration = Duration::from_millis(250);
/// Time to wait for the end of a statement that was stopped.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// SQLite's code for a constraint, which a commit checks if it was deferred.
const CONSTRAINT: i32 = 19;
/// SQLite's code for a commit that the switch of the connection has refused.
const COMMIT_REFUSED: i32 = 531;

impl sealed::Sealed for SqliteStore {}

#[async_trait]
impl Transactions for SqliteStore {
    fn database(&self) -> &'static str {
        <Sqlite as Transactional>::NAME
    }

    fn at_once(&self) -> Option<u32> {
        Some(1)
    }

    fn limit(&self) -> Option<Duration> {
        Some(self.tx_limit)
    }

    async fn begin(&self, wait: Duration) -> Result<Begun, StoreError> {
        let (reply, begun) = oneshot::channel();
        let asked = async {
            self.begins.send(Begin(reply)).await.map_err(|_| self.gone())?;
            begun.await.map_err(|_| self.gone())?
        };
        // A transaction that comes too late is dropped, and so rolled back.
        timeout(wait, asked).await.unwrap_or(Ok(Begun::Busy))
    }
}

impl Writer {
    /// Runs one transaction of a handler from its begin to its end.
    pub(super) async fn run_transaction(&mut self, Begin(reply): Begin) {
        if reply.is_closed() {
            return;
        }
        let connection = match self.begin().await {
            Ok(connection) => connection,
            Err(failed) => return drop(reply.send(Err(StoreError::new(self.database.explain(&failed))))),
        };
        let limit = Instant::now() + self.tx_limit;
        let switches = connection.switches();
        switches.refuse_commits(true);
        let (for_handler, mut returned) = HandlerConnection::new(connection);
        let (ending, mut ordered) = oneshot::channel();
        // If the caller has gone, the connection comes back at once and without an order.
        drop(reply.send(Ok(Begun::Open {
            tx: Box::new(Tx::<Sqlite>::new(for_handler)),
            ending: Box::new(SqliteEnding(ending)),
        })));
        let order = timeout_at(limit, &mut ordered).await;
        let in_time = order.is_ok();
        let mut order = order.ok().and_then(Result::ok);
        let mut connection = returned.try_recv().ok();
        if connection.is_none() {
            if let Some(order) = order.take() {
                let _ = order.reply.send(Committed::No(StoreError::new(TX_STILL_HELD)));
            }
            switches.stop(true);
            connection = self.outlast(returned, in_time).await;
        }
        // Without it, the next transaction opens another one.
        let Some(mut connection) = connection else { return };
        let committed = match &order {
            Some(EndOrder {
                commit: Some(grant), ..
            }) => self.commit_transaction(&mut connection, grant, limit).await,
            _ => Committed::No(StoreError::new("the transaction was rolled back")),
        };
        self.connection = match committed {
            Committed::Yes => Some(connection),
            _ => rolled_back(connection).await,
        };
        if let Some(order) = order {
            let _ = order.reply.send(committed);
        } else if !in_time {
            self.refuse_late(ordered);
        }
    }

    /// Begins a transaction on the writing connection, and takes the connection.
    async fn begin(&mut self) -> Result<WritingConnection, Failed> {
        self.connect().await?;
        self.database.check()?;
        let Some(mut connection) = self.connection.take() else {
            return Err(Failed::Other("no connection".to_owned()));
        };
        let statement = Some("BEGIN IMMEDIATE".into_sql_str());
        match savepoints::begin::<Sqlite>(&mut connection, statement).await {
            Ok(()) => Ok(connection),
            Err(error) => {
                self.connection = rolled_back(connection).await;
                Err(error.into())
            }
        }
    }

    /// Waits for a connection that a handler keeps, and refuses all operations after a while. Ends
    /// without it if the store was dropped.
    async fn outlast(
        &mut self,
        mut returned: oneshot::Receiver<WritingConnection>,
        in_time: bool,
    ) -> Option<WritingConnection> {
        if let Ok(returned) = timeout(PATIENCE, &mut returned).await {
            return returned.ok();
        }
        let error = if in_time {
            TX_STILL_HELD.to_owned()
        } else {
            self.too_long()
        };
        tracing::error!(
            error,
            "nothing can be written until a handler has dropped its `Tx`"
        );
        loop {
            tokio::select! {
                biased;
                returned = &mut returned => return returned.ok(),
                operation = self.operations.recv() => operation?.answer(Some(&error)),
                begin = self.begins.recv() => drop(begin?.0.send(Err(StoreError::new(&*error)))),
            }
        }
    }

    /// Answers an order that comes after the limit.
    fn refuse_late(&self, ordered: oneshot::Receiver<EndOrder>) {
        let error = StoreError::new(self.too_long());
        tokio::spawn(async move {
            if let Ok(order) = ordered.await {
                let _ = order.reply.send(Committed::No(error));
            }
        });
    }

    fn too_long(&self) -> String {
        format!(
            "the handler's transaction took longer than {:?} and was rolled back: no other event can be claimed \
             meanwhile; do less in it, or raise `tx_limit`",
            self.tx_limit
        )
    }

    /// Records the end of the run and commits. If the answer is not `Yes`, the connection is to be
    /// rolled back.
    async fn commit_transaction(
        &mut self,
        connection: &mut WritingConnection,
        grant: &Grant,
        limit: Instant,
    ) -> Committed {
        let no = |why: &str| Committed::No(StoreError::new(why));
        let (wanted, terms) = (Wanted::of_record(grant.record), self.terms);
        let recorded = async {
            let mut batch = Batch::load(connection, &[&wanted], terms).await?;
            let held = batch.finish(grant, &End::Done);
            if held == Held::Yes {
                batch.save(connection).await?;
            }
            Ok(held)
        };
        // It waits for statements that the handler has started and not awaited.
        match timeout_at(limit, recorded).await {
            // Counted only now, because a dropped savepoint is rolled back before these statements.
            Ok(Ok(Held::Yes)) if savepoints::depth::<Sqlite>(connection) == 1 => {}
            Ok(Ok(Held::Lost)) => return Committed::Lost,
            Ok(Ok(_)) => return no(TX_ENDED_BY_HANDLER),
            Ok(Err(failed)) => return self.refused(&failed),
            Err(_) => return no(&self.too_long()),
        }
        if let Err(failed) = self.database.check().and_then(|()| self.log.check()) {
            return self.refused(&failed);
        }
        connection.switches().refuse_commits(false);
        match savepoints::commit(connection).await {
            Ok(()) => Committed::Yes,
            Err(error) => {
                let failed = Failed::Sql(error);
                if failed.code().is_some_and(|code| code & 0xff == CONSTRAINT) {
                    return self.refused(&failed);
                }
                // A log that was written and not synced can be read after a crash.
                Committed::Unknown(StoreError::new(self.database.explain(&failed)))
            }
        }
    }

    fn refused(&self, failed: &Failed) -> Committed {
        let error = match failed.code() {
            // The statement had no transaction around it.
            Some(COMMIT_REFUSED) => TX_ENDED_BY_HANDLER.to_owned(),
            _ => self.database.explain(failed),
        };
        Committed::No(StoreError::new(error))
    }
}

/// Returns the connection as it was before the transaction. If that fails, closes it, which ends
/// its transaction.
async fn rolled_back(mut connection: WritingConnection) -> Option<WritingConnection> {
    let switches = connection.switches();
    // Statements that the handler has left are stopped, because nothing of them stays.
    switches.stop(true);
    let Ok(Ok(())) = timeout(LONGEST_STOP, connection.ping()).await else {
        return None;
    };
    switches.stop(false);
    savepoints::roll_back::<Sqlite>(&mut connection).await.ok()?;
    switches.refuse_commits(false);
    Some(connection)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delivery::Key;
    use crate::store::{ClaimId, Store as _};

    #[tokio::test]
    async fn operations_go_before_the_next_transaction() {
        let directory = std::env::temp_dir().join(format!("apideck-hooks-{:?}", ClaimId::random()));
        std::fs::create_dir(&directory).unwrap();
        let store = Arc::new(SqliteStore::open(directory.join("hooks.db")).await.unwrap());
        let begin = |store: Arc<SqliteStore>| async move {
            match store.begin(Duration::MAX).await {
                Ok(Begun::Open { tx, ending }) => (tx, ending),
                _ => panic!("no transaction"),
            }
        };
        let (tx, ending) = begin(store.clone()).await;
        let next = tokio::spawn(begin(store.clone()));
        let operation = tokio::spawn({
            let store = store.clone();
            async move { store.end_rest(Key::from_bytes([1; 16])).await }
        });
        // Both wait for the writer, in either order.
        while store.begins.capacity() == store.begins.max_capacity()
            || store.operations.capacity() == store.operations.max_capacity()
        {
            tokio::task::yield_now().await;
        }
        drop(tx);
        ending.roll_back().await;
        let (tx, ending) = next.await.unwrap();
        // The second transaction stays open, so the operation was done before it.
        assert!(!operation.await.unwrap().unwrap());
        drop(tx);
        ending.roll_back().await;
        drop(store);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
