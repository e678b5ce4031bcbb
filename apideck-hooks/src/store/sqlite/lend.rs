//! Transactions for handlers: the writer lends its connection, and writes nothing until it is back.

use super::batch::Batch;
use super::database::Failed;
use super::lendable::Lendable;
use super::operation::Begin;
use super::transactions::SqliteEnding;
use super::writer::{Writer, connected};
use crate::delivery::Key;
use crate::handler::Tx;
use crate::store::loan::Loan;
use crate::store::savepoints;
use crate::store::transactions::{Begun, Committed, ENDED, KEPT, Open};
use crate::store::{Claim, Claimed, End, Held, StoreError, Token, Verdict};
use sqlx::{Connection, SqlSafeStr, Sqlite};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// SQLite's code for a constraint that does not hold, which a commit finds if it was deferred.
const CONSTRAINT: i32 = 19;

/// How long a connection that is kept past its handler's end is waited for, before all others are refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a statement that a handler has left behind may hold up the commit.
const LONGEST_LEFTOVER: Duration = Duration::from_secs(5);

/// How long it may take to end once it is told to.
const LONGEST_STOP: Duration = Duration::from_secs(5);

const LEFTOVER: &str = "a statement that the handler has started and not waited for takes too long";

impl Writer {
    /// FirstHandlers an event in a transaction, lends it to whoever asked, and ends it as they say.
    pub(super) async fn lend(&mut self, Begin { claim, reply }: Begin) {
        if reply.is_closed() {
            return;
        }
        let (claimed, token, attempt, connection) = match self.claim_open(claim).await {
            Ok((claimed, Some(open))) => (claimed, open.0, open.1, open.2),
            Ok((claimed, None)) => return drop(reply.send(Ok(Begun::Not(claimed)))),
            Err(failed) => return drop(reply.send(Err(StoreError::new(self.explain(&failed))))),
        };
        let reins = connection.reins();
        reins.set_lent(true);
        let (loan, mut back) = Loan::new(connection);
        let (order, ordered) = oneshot::channel();
        // If they have gone, the connection comes back at once, and without an order.
        drop(reply.send(Ok(Begun::Open(Open {
            claimed,
            attempt,
            tx: Box::new(Tx::<Sqlite>::new(loan)),
            ending: Box::new(SqliteEnding(order)),
        }))));
        let mut order = ordered.await.ok();
        let mut connection = back.try_recv().ok();
        if connection.is_none() {
            if let Some(order) = order.take() {
                let _ = order.send(Committed::No(StoreError::new(KEPT)));
            }
            tracing::error!("{KEPT}; nothing is written until it is given back");
            reins.set_stopped(true);
            connection = self.outlast(back).await;
        }
        // Without it the next transaction is on a new one.
        let Some(mut connection) = connection else {
            return;
        };
        let committed = match order {
            Some(order) => {
                let committed = self.commit_open(&mut connection, claimed.record, token).await;
                Some((order, committed))
            }
            None => None,
        };
        self.connection = match &committed {
            Some((_, Committed::Yes)) => Some(connection),
            _ => rolled_back(connection).await,
        };
        if let Some((order, committed)) = committed {
            let _ = order.send(committed);
        }
    }

    /// Waits for a connection that is kept, unless nobody is left to ask. Whoever asks meanwhile is refused, not held up.
    async fn outlast<T>(&mut self, mut back: oneshot::Receiver<T>) -> Option<T> {
        if let Ok(back) = timeout(PATIENCE, &mut back).await {
            return back.ok();
        }
        loop {
            tokio::select! {
                biased;
                back = &mut back => return back.ok(),
                operation = self.queue.recv() => operation?.fail(KEPT),
                begin = self.begins.recv() => drop(begin?.reply.send(Err(StoreError::new(KEPT)))),
            }
        }
    }

    /// The connection with the transaction, if the claim was granted in it.
    async fn claim_open(
        &mut self,
        claim: Claim,
    ) -> Result<(Claimed, Option<(Token, u32, Lendable)>), Failed> {
        let (now, floor) = (self.now(), self.floor);
        // Taken: what fails half-way is closed with its transaction, unless it can be rolled back.
        connected(&self.database, &mut self.connection).await?;
        let Some(mut connection) = self.connection.take() else {
            return Err(Failed::Other("no connection".to_owned()));
        };
        let result = async {
            let begin = "BEGIN IMMEDIATE".into_sql_str();
            savepoints::begin::<Sqlite>(&mut connection, Some(begin)).await?;
            let keys = (claim.event, claim.delivery);
            let mut batch = Batch::load_one(&mut connection, keys, now, floor).await?;
            let claimed = batch.claim(claim);
            batch.save_open(&mut connection).await?;
            if !matches!(claimed.verdict, Verdict::Granted { .. }) {
                savepoints::commit::<Sqlite>(&mut connection).await?;
            }
            // Too great a number does no harm.
            Ok((claimed, batch.floor))
        };
        let result = result.await;
        if let Ok((claimed, floor)) = result {
            self.floor = floor;
            if let Verdict::Granted { token, attempt } = claimed.verdict {
                return Ok((claimed, Some((token, attempt, connection))));
            }
        }
        self.connection = rolled_back(connection).await;
        result.map(|(claimed, _)| (claimed, None))
    }

    /// Marks the event as done and commits. Whatever is not committed is to be rolled back.
    async fn commit_open(&self, connection: &mut Lendable, record: Key, token: Token) -> Committed {
        let refused = |why: String| Committed::No(StoreError::new(why));
        let (now, floor) = (self.now(), self.floor);
        let marked = async {
            let mut batch = Batch::load_one(connection, (record, None), now, floor).await?;
            let held = batch.finish(record, token, End::Done);
            if held == Held::Yes {
                batch.save_open(connection).await?;
            }
            Ok(held)
        };
        match timeout(LONGEST_LEFTOVER, marked).await {
            // Counted only now: a savepoint that was dropped is rolled back before the statements above.
            Ok(Ok(Held::Yes)) if savepoints::depth::<Sqlite>(connection) == 1 => {}
            Ok(Ok(Held::Yes | Held::Lost)) => return refused(ENDED.to_owned()),
            Ok(Err(failed)) => return refused(self.explain(&failed)),
            Err(_) => return refused(LEFTOVER.to_owned()),
        }
        connection.reins().set_lent(false);
        match savepoints::commit::<Sqlite>(connection).await {
            Ok(()) => Committed::Yes,
            Err(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                let code = code.and_then(|code| code.parse::<i32>().ok());
                let constraint = code.is_some_and(|code| code & 0xff == CONSTRAINT);
                let why = self.explain(&Failed::Sql(error));
                if constraint {
                    refused(why)
                } else {
                    Committed::Unknown(StoreError::new(why))
                }
            }
        }
    }

    fn explain(&self, failed: &Failed) -> String {
        self.database.explain(failed)
    }
}

/// The connection, if it is as it was before it was lent. Else it is closed, and its transaction ends with it.
async fn rolled_back(mut connection: Lendable) -> Option<Lendable> {
    let reins = connection.reins();
    // A statement that was left behind is not waited for: nothing of it is to stay.
    reins.set_stopped(true);
    let Ok(Ok(())) = timeout(LONGEST_STOP, connection.ping()).await else {
        return None;
    };
    reins.set_stopped(false);
    savepoints::roll_back::<Sqlite>(&mut connection).await.ok()?;
    reins.set_lent(false);
    Some(connection)
}
