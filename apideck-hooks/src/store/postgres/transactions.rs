//! Transactions for handlers.

use super::call::{explain, query, rows, within_limit};
use super::connections::{Connections, LONGEST_DRAIN, Lent};
use super::statements::Statements;
use super::{PostgresStore, claimed, get, of_claim, settle, unexpected};
use crate::delivery::Key;
use crate::handler::{Transactional, Tx};
use crate::store::loan::Loan;
use crate::store::savepoints;
use crate::store::transactions::{Begun, Committed, ENDED, Ending, KEPT, Open, Transactions, sealed};
use crate::store::{Claim, Claimed, End, StoreError, Token, Verdict};
use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgSeverity};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

/// What `claim_v1` waits for a lock, and the way there and back.
const LONGEST_CLAIM: Duration = Duration::from_secs(6);

/// How long a statement that a handler has left behind may go on before it is cancelled.
const LONGEST_LEFTOVER: Duration = Duration::from_millis(200);

impl sealed::Sealed for PostgresStore {}

#[async_trait]
impl Transactions for PostgresStore {
    fn database(&self) -> &'static str {
        <Postgres as Transactional>::NAME
    }

    async fn begin(&self, claim: Claim, patience: Duration) -> Result<Begun, StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::new("called outside of a tokio runtime"));
        }
        self.start_sweeper();
        let Ok(turn) = timeout(patience, Arc::clone(&self.turns).acquire_owned()).await else {
            return Ok(Begun::Busy);
        };
        let turn = turn.map_err(StoreError::new)?;
        let query = self.claim_with(&self.statements.claim_open, claim);
        let begin = begin(
            self.connections.clone(),
            Arc::clone(&self.statements),
            turn,
            query,
            claim.event,
        );
        // Not dropped half-way if it takes too long: what it has begun is rolled back when it comes.
        match timeout(patience + LONGEST_CLAIM, tokio::spawn(begin)).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => Err(StoreError::new(error)),
            Err(_) => Err(StoreError::new(format!(
                "no transaction within {:?}",
                patience + LONGEST_CLAIM
            ))),
        }
    }

    async fn count(&self, claim: Claim, end: End) -> Result<Claimed, StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::new("called outside of a tokio runtime"));
        }
        let event = claim.event;
        let claim = self.claim_with(&self.statements.claim, claim);
        let end = self.fit(end);
        let (connections, statements) = (self.connections.clone(), Arc::clone(&self.statements));
        // Not dropped half-way either.
        match tokio::spawn(count(connections, statements, event, claim, end)).await {
            Ok(counted) => counted,
            Err(error) => Err(StoreError::new(error)),
        }
    }
}

/// In a transaction of its own: a claim that is not settled with it is gone with it.
async fn count(
    connections: Connections,
    statements: Arc<Statements>,
    event: Key,
    claim: Query<'static, Postgres, PgArguments>,
    end: End,
) -> Result<Claimed, StoreError> {
    let mut lent = connections.lend().await.map_err(explain)?;
    let counted = within_limit(async {
        savepoints::begin::<Postgres>(&mut lent, None).await?;
        let row = claim.fetch_one(&mut *lent).await?;
        let Ok(claimed) = claimed(&row, event) else {
            savepoints::roll_back::<Postgres>(&mut lent).await?;
            return Ok(None);
        };
        if let Verdict::Granted { token, .. } = claimed.verdict {
            let settled = match settle(&statements, event, token, &end) {
                Some(query) if claimed.record == event => {
                    query.execute(&mut *lent).await?.rows_affected() > 0
                }
                _ => false,
            };
            if !settled {
                savepoints::roll_back::<Postgres>(&mut lent).await?;
                return Ok((claimed.record != event).then_some(claimed));
            }
        }
        // Nothing to be settled: a delivery key may have been bound.
        savepoints::commit::<Postgres>(&mut lent).await?;
        Ok(Some(claimed))
    });
    match counted.await {
        Ok(counted) => {
            lent.give_back();
            counted.ok_or_else(unexpected)
        }
        Err(error) => {
            if matches!(error, sqlx::Error::Database(_)) && roll_back(&mut lent).await {
                lent.give_back();
            }
            Err(explain(error))
        }
    }
}

async fn begin(
    connections: Connections,
    statements: Arc<Statements>,
    turn: OwnedSemaphorePermit,
    claim: Query<'static, Postgres, PgArguments>,
    event: Key,
) -> Result<Begun, StoreError> {
    let lent = connections.lend().await.map_err(explain)?;
    let mut connection = Held { lent, _turn: turn };
    let begun = within_limit(async {
        savepoints::begin::<Postgres>(&mut connection, None).await?;
        claim.fetch_all(&mut *connection).await
    });
    let rows = match begun.await {
        Ok(rows) => rows,
        Err(error) => {
            let locked = code(&error).is_some_and(|code| code == LOCK_NOT_AVAILABLE);
            if matches!(error, sqlx::Error::Database(_)) && roll_back(&mut connection).await {
                connection.lent.give_back();
            }
            return if locked {
                Ok(Begun::Locked)
            } else {
                Err(explain(error))
            };
        }
    };
    let [row] = &rows[..] else {
        return Err(unexpected());
    };
    let claimed = claimed(row, event)?;
    let Verdict::Granted { token, attempt } = claimed.verdict else {
        // A delivery key may have been bound.
        within_limit(savepoints::commit::<Postgres>(&mut connection))
            .await
            .map_err(explain)?;
        connection.lent.give_back();
        return Ok(Begun::Not(claimed));
    };
    let backend = get(row, 1)?;
    let (loan, back) = Loan::new(connection);
    Ok(Begun::Open(Open {
        claimed,
        attempt,
        tx: Box::new(Tx::<Postgres>::new(loan)),
        ending: Box::new(PostgresEnding {
            connections,
            statements,
            back,
            record: claimed.record,
            token,
            backend,
        }),
    }))
}

const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A connection in a transaction, and the turn that it takes.
struct Held {
    lent: Lent,
    _turn: OwnedSemaphorePermit,
}

impl Deref for Held {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.lent
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lent
    }
}

struct PostgresEnding {
    connections: Connections,
    statements: Arc<Statements>,
    back: oneshot::Receiver<Held>,
    record: Key,
    token: Token,
    backend: i32,
}

#[async_trait]
impl Ending for PostgresEnding {
    async fn commit(mut self: Box<Self>) -> Committed {
        let Ok(connection) = self.back.try_recv() else {
            return Committed::No(StoreError::new(KEPT));
        };
        let Some(mark) = of_claim(&self.statements.done, self.record, self.token) else {
            return Committed::No(unexpected());
        };
        match tokio::spawn(commit(connection, mark)).await {
            Ok(committed) => committed,
            Err(error) => Committed::Unknown(StoreError::new(error)),
        }
    }

    async fn roll_back(mut self: Box<Self>) {
        let Ok(connection) = self.back.try_recv() else {
            return tracing::error!("{KEPT}");
        };
        let task = tokio::spawn(abandon(
            connection,
            self.connections,
            self.statements,
            self.backend,
        ));
        let _ = task.await;
    }
}

async fn commit(mut connection: Held, mark: Query<'static, Postgres, PgArguments>) -> Committed {
    let refused = if savepoints::depth::<Postgres>(&connection) == 1 {
        match within_limit(mark.execute(&mut *connection)).await {
            Ok(done) if done.rows_affected() == 0 => Some(StoreError::new(ENDED)),
            Ok(_) => None,
            Err(error @ sqlx::Error::Database(_)) => Some(explain(error)),
            // Closed without a `COMMIT`.
            Err(error) => return Committed::No(explain(error)),
        }
    } else {
        Some(StoreError::new(ENDED))
    };
    if let Some(refused) = refused {
        if roll_back(&mut connection).await {
            connection.lent.give_back();
        }
        return Committed::No(refused);
    }
    match within_limit(savepoints::commit::<Postgres>(&mut connection)).await {
        Ok(()) => {
            connection.lent.give_back();
            Committed::Yes
        }
        Err(error) if is_refusal(&error) => Committed::No(explain(error)),
        Err(error) => Committed::Unknown(explain(error)),
    }
}

/// Whether the server has said that it did not commit: a deferred constraint does not hold, for one. What ends the
/// connection, or comes from a pooler in between, says nothing of the kind.
fn is_refusal(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    let error = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>();
    error.is_some_and(|error| {
        let class = error.code().get(..2);
        error.severity() == PgSeverity::Error && !matches!(class, None | Some("08" | "57" | "58" | "XX"))
    })
}

/// Rolls back what a handler has left behind, a running statement included.
async fn abandon(mut connection: Held, connections: Connections, statements: Arc<Statements>, backend: i32) {
    let rolled_back = {
        let mut rolled_back = pin!(roll_back(&mut connection));
        match timeout(LONGEST_LEFTOVER, &mut rolled_back).await {
            Ok(rolled_back) => rolled_back,
            Err(_) => {
                // The connection is ours until it has answered: the backend does nothing else.
                let cancel = rows(&connections, query(&statements.cancel).bind(backend));
                let _ = timeout(LONGEST_DRAIN, cancel).await;
                rolled_back.await
            }
        }
    };
    if rolled_back {
        connection.lent.give_back();
    }
}

/// Whether the connection is as it was before.
async fn roll_back(connection: &mut PgConnection) -> bool {
    matches!(
        timeout(LONGEST_DRAIN, savepoints::roll_back::<Postgres>(connection)).await,
        Ok(Ok(()))
    )
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
