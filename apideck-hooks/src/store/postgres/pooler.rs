//! Poolers between the store and the server, and the checks of a start.
//!
//! # How it works
//!
//! A transaction pooler gives a server process to each transaction. PgBouncer before 1.21 does so
//! without a look at prepared statements, whose names are the same on every connection of sqlx. So
//! a call for one statement can run another one.
//!
//! The probe prepares two statements of one shape on two connections, each in turn while the other
//! is in a transaction. Such a pooler refuses one of them or runs the other one. If the connections
//! share a server process, there is a transaction pooler that keeps statements apart.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::call::Call;
use super::errors::explain;
use super::row::get;
use super::statements::{Statement, Statements};
use crate::store::StoreError;

/// Maximum time of a step of the probe.
const LONGEST_STEP: Duration = Duration::from_secs(10);

/// A pooler can have several idle server processes, and give one after another.
const ROUNDS: usize = 3;

/// The newest format of the tables that this release knows.
const FORMAT: i32 = 3;

/// One connection of the probe, with a statement of its own.
struct Side {
    connection: PgConnection,
    statement: Statement,
}

impl Side {
    async fn new(options: &PgConnectOptions, name: &str) -> Result<Self, StoreError> {
        let connection = step(options.connect()).await?;
        let sql = format!("SELECT '{name}'::text, $2::bigint, pg_backend_pid() WHERE $1 = '{name}'");
        let statement = Statement {
            name: name.into(),
            sql: sql.into(),
        };
        Ok(Self {
            connection,
            statement,
        })
    }

    /// Returns the id of the server process.
    async fn process(&mut self) -> Result<i32, StoreError> {
        let call = Call::new(&self.statement);
        let rows = step(call.run(&mut self.connection)).await?;
        get(&call.check(rows)?[0], 2)
    }
}

async fn step<T>(step: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
    match timeout(LONGEST_STEP, step).await {
        Ok(done) => done.map_err(explain),
        Err(_) => Err(StoreError::new(format!(
            "no answer within {LONGEST_STEP:?} while two connections were probed"
        ))),
    }
}

/// Tells if a transaction pooler is in between, and refuses one that mixes prepared statements up.
pub(super) async fn probe(options: &PgConnectOptions) -> Result<bool, StoreError> {
    let mut one = Side::new(options, "apideck_hooks probe 1").await?;
    let mut two = Side::new(options, "apideck_hooks probe 2").await?;
    let mut pooled = false;
    for _ in 0..ROUNDS {
        for _ in 0..2 {
            pooled |= cross(&mut one, &mut two).await?;
            std::mem::swap(&mut one, &mut two);
        }
    }
    for side in [one, two] {
        let _ = side.connection.close().await;
    }
    if pooled {
        tracing::info!(
            "PostgreSQL is behind a transaction pooler: the store sets no time limits in the server, and a \
             call that was given up is not cancelled"
        );
    }
    Ok(pooled)
}

/// Tells if the connections share a server process. The second one is used before and during a
/// transaction of the first one.
async fn cross(first: &mut Side, second: &mut Side) -> Result<bool, StoreError> {
    let before = second.process().await?;
    // `begin` must not be given up, or sqlx leaves the transaction open. Here the connection is
    // closed then.
    let mut transaction = step(first.connection.begin()).await?;
    let call = Call::new(&first.statement);
    let rows = step(call.run(&mut transaction)).await?;
    let process: i32 = get(&call.check(rows)?[0], 2)?;
    // The pooler may have one server process only, and then it waits for the end of the
    // transaction.
    let during = if process == before {
        before
    } else {
        second.process().await?
    };
    step(transaction.rollback()).await?;
    Ok(process == before || during != before)
}

/// Checks the version of the tables, and the rights of the role.
pub(super) async fn check(connection: &mut PgConnection, statements: &Statements) -> Result<(), StoreError> {
    let exist = Call::new(&statements.exist);
    let rows = exist.check(step(exist.run(connection)).await?)?;
    let (records, format): (bool, bool) = (get(&rows[0], 2)?, get(&rows[0], 3)?);
    if !format {
        return Err(StoreError::new(if records {
            "the tables have the format 1, from before the first release: drop them, or use another schema or prefix"
        } else {
            "the tables do not exist; was `PostgresStore::migrate` run for this schema and prefix?"
        }));
    }
    let version = Call::new(&statements.version);
    let rows = version.check(step(version.run(connection)).await?)?;
    let format: Option<i32> = get(&rows[0], 2)?;
    if format != Some(FORMAT) {
        let format = format.unwrap_or_default();
        let advice = if format < FORMAT {
            "run `PostgresStore::migrate`"
        } else {
            "use a release that knows it, or another schema or prefix"
        };
        return Err(StoreError::new(format!(
            "the tables have the format {format}, and this release knows the format {FORMAT}: {advice}"
        )));
    }
    if !get::<bool>(&rows[0], 3)? {
        return Err(StoreError::new(
            "the role needs SELECT, INSERT, UPDATE and DELETE on the tables of the store",
        ));
    }
    Ok(())
}
