//! The store for several processes: in PostgreSQL.

mod builder;
mod call;
mod claims;
mod connections;
mod errors;
mod inbox;
mod inbox_statements;
mod late;
mod letters;
mod limits;
mod lost_fetches;
mod names;
mod news;
mod pooler;
mod row;
mod running;
mod statements;
mod sweeper;
mod text;
mod transactions;
mod waiting_names;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgDatabaseError, PgRow};
use sqlx::{AssertSqlSafe, Connection};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::losses::{Losses, Unfinished};
use super::record::{Record, Stage, Wait};
use super::{
    Claim, ClaimId, Claimed, DeadLetterStore, End, Grant, Held, InboxStore, Status, Store, StoreError,
    Transactions,
};
use crate::delivery::Key;
use call::Call;
use connections::Connections;
use errors::explain;
use limits::RecordLimits;
use lost_fetches::LostFetches;
use news::News;
use row::{count, get, number, token, unexpected};
use sweeper::Sweeper;
use waiting_names::WaitingNames;

pub use builder::PostgresStoreBuilder;

/// Remembers events in PostgreSQL, for any number of processes.
///
/// ```no_run
/// # use apideck_hooks::{Hooks, events::*, on, router};
/// # #[on("vault.*")] async fn connection(event: ConnectionEvent) {}
/// use apideck_hooks::PostgresStore;
/// use sqlx::postgres::PgPoolOptions;
///
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = PgPoolOptions::new().connect("postgres://app@localhost/app").await?;
/// let store = PostgresStore::new(pool);
/// store.migrate().await?;
/// let hooks = Hooks::builder(router![connection, ..])
///     .secret("key")
///     .source("billing")
///     .store(store)
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # What it survives
///
/// - Restart, crash or `kill -9` of a receiver: an event that was running can be claimed when its
///   lease and its rest are over, under a greater token.
/// - Several receivers at once: one of them runs an event.
/// - Restart of the server, lost connections: answered `503` meanwhile. No restart of the receiver
///   is needed.
/// - Power loss of the server: as far as its `synchronous_commit` reaches. `on`, the default, loses
///   nothing.
/// - Failover to a replica: an event that the replica has not received can be handled again.
///   `synchronous_commit` `on` or `remote_apply` with a synchronous standby loses nothing.
/// - Wrong clocks of receivers: nothing depends on them.
/// - A change of the server's clock: set ahead, leases and retention end earlier. Set back, an
///   event waits for the length of its lease or rest from its next delivery on.
///
/// The effects of a handler are not part of it. A receiver that dies after the effect and before
/// the end is recorded runs the event again. [`Tx`](crate::Tx) makes effects in PostgreSQL part of
/// it.
///
/// # Connections
///
/// The store has [connections of its own](PostgresStoreBuilder::connections), with the options of
/// the pool that it is given. It sets `lock_timeout`, `statement_timeout` and the isolation `READ
/// COMMITTED` on them, so these settings of your queries stay as they are. A call whose caller
/// gives up is cancelled in the server before its connection is used again. So a slow server has no
/// more processes of this store than a fast one.
///
/// The transactions of handlers use the given pool and its settings. Each of them holds an advisory
/// lock with a random number of 64 bits, by which a statement that its handler has left behind is
/// found and cancelled. Under `REPEATABLE READ` or
/// `SERIALIZABLE` a transaction also conflicts with the renewal of its own
/// [lease](crate::HooksBuilder::lease), which comes after a third of the lease. So set a lease of
/// more than three times the longest handler there.
///
/// An event that is handled takes two statements, each one round trip and one commit. A duplicate
/// takes one that writes nothing. An event takes about 500 bytes with its delivery key and indexes.
///
/// # What it needs
///
/// - PostgreSQL 12 or later, and `UTF8` as the database's encoding.
/// - [`migrate`](PostgresStore::migrate) once, or [`migrations_sql`](PostgresStore::migrations_sql)
///   run by your own tool. That creates the tables `records`, `aliases`, `pauses`, `progress` and
///   `format` and six functions, all named with the [prefix](PostgresStoreBuilder::prefix), in the
///   [schema](PostgresStoreBuilder::schema) `apideck_hooks`. To use them a role needs `USAGE` of
///   the schema and `SELECT`, `INSERT`, `UPDATE` and `DELETE` on the tables.
/// - Behind PgBouncer in transaction mode, version 1.21 with `max_prepared_statements` greater than
///   zero. A pooler that mixes prepared statements up is refused. Behind any transaction pooler the
///   store sets no time limits in the server, cancels none of its own calls, and gives a call up
///   after 30 seconds.
///
/// TLS comes with the features of your own `sqlx` (`tls-rustls`, `tls-native-tls`).
///
/// # What it keeps
///
/// A settled record is kept for the [retention](PostgresStoreBuilder::retention), its delivery keys
/// at least as long. A task that starts with the first claim and ends with the store sweeps expired
/// ones. Keys are hashes. **The body of a dead letter may hold end-user credentials.** It is kept
/// until the event is handled or purged.
pub struct PostgresStore {
    connections: Connections,
    limits: RecordLimits,
    transactions: u32,
    /// One slot for each transaction of a handler.
    slots: Arc<Semaphore>,
    sweeper: OnceLock<Sweeper>,
    unfinished: Arc<Unfinished>,
    /// Tells the workers of all processes of events.
    news: News,
    /// The names of events that have waited.
    waiting: WaitingNames,
    lost_fetches: LostFetches,
}

impl PostgresStore {
    /// Creates the schema, tables and functions if they do not exist. Several processes may do so
    /// at once. If nothing is missing, it needs no right to create anything.
    ///
    /// # Errors
    ///
    /// The server is out of reach, the role lacks a right, the database is not `UTF8`, the tables
    /// are of another release, or a pooler mixes prepared statements up.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::new("called outside of a tokio runtime"));
        }
        self.connections.pooled().await?;
        let mut connection = self.connections.connect().await.map_err(explain)?;
        // Under a stricter default it would not see what another migration has done meanwhile.
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; {} COMMIT",
            self.migrations_sql()
        );
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
        let _ = connection.close().await;
        match done {
            Ok(_) => Ok(()),
            Err(error) => Err(match hint(&error) {
                Some(text) => StoreError::new(text),
                None => explain(error),
            }),
        }
    }

    /// Returns the SQL that [`migrate`](PostgresStore::migrate) runs, for a tool of your own. It is
    /// one statement and can be run again.
    pub fn migrations_sql(&self) -> &str {
        &self.connections.statements().schema
    }

    /// Deletes expired records and delivery keys, and returns how many. A task does so anyway.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        sweeper::sweep(&self.connections, self.limits, &self.unfinished).await
    }

    fn start_sweeper(&self) {
        self.sweeper
            .get_or_init(|| Sweeper::start(&self.connections, self.limits, &self.unfinished));
    }

    /// Runs a statement that can grant this claim.
    async fn granting(&self, claim: &Claim, call: Call) -> Result<Vec<PgRow>, StoreError> {
        self.connections.late().settled(claim.id).await;
        let statements = self.connections.statements();
        let withdrawal = || Some(claims::withdrawal(statements, claim, self.limits));
        self.connections.call_withdrawing(call, withdrawal).await
    }
}

/// The message of an error that has a hint for the user.
fn hint(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    Some(format!("{}. {}", error.message(), error.hint()?))
}

/// Each operation is one statement, so it has happened as a whole or not at all.
#[async_trait]
impl Store for PostgresStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let call = claims::claim(self.connections.statements(), &claim, self.limits);
        let rows = self.granting(&claim, call).await?;
        self.start_sweeper();
        claims::claimed(&rows[0])?.ok_or_else(unexpected)
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        let call = Call::new(&self.connections.statements().renew);
        let Some(call) = claims::held(call, grant) else {
            return Ok(Held::Lost);
        };
        let keep = lease.saturating_add(self.limits.retention);
        let call = call.bind(claims::time(lease)).bind(claims::time(keep));
        let held = get(&self.connections.call(call).await?[0], 2)?;
        Ok(if held { Held::Yes } else { Held::Lost })
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        let Some(call) = claims::finish(self.connections.statements(), grant, &end, self.limits) else {
            return Ok(Held::Lost);
        };
        let held = get(&self.connections.call(call).await?[0], 2)?;
        // Its lane can be free now.
        self.news.tell_here();
        match held {
            0 => Ok(Held::Lost),
            1 => Ok(Held::Yes),
            2 => Ok(Held::NoRoom),
            _ => Err(unexpected()),
        }
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        let call = Call::new(&self.connections.statements().status).bind(record.to_bytes());
        let rows = self.connections.call(call).await?;
        let row = &rows[0];
        let Some(phase) = get::<Option<i16>>(row, 3)? else {
            return Ok(Status::ABSENT);
        };
        let wait = |end, length| {
            Ok::<_, StoreError>(Wait {
                end: number(row, end)?,
                length: number(row, length)?,
            })
        };
        let record = Record {
            phase: Stage::from_number(phase.into()),
            token: token(row, 4)?,
            claim: ClaimId::from_bytes(get(row, 5)?),
            attempts: count(row, 6)?,
            interrupted: u8::try_from(get::<i16>(row, 7)?).map_err(|_| unexpected())?,
            lease: wait(8, 9)?,
            rest: wait(10, 11)?,
            first_seen: number(row, 12)?,
            expires: number(row, 13)?,
            kept: get(row, 14)?,
            accepted: get(row, 15)?,
        };
        Ok(record.status(number(row, 2)?))
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        let call = Call::new(&self.connections.statements().end_rest).bind(record.to_bytes());
        let ended = get(&self.connections.call(call).await?[0], 2)?;
        if ended {
            self.news.tell();
        }
        Ok(ended)
    }

    fn losses(&self) -> Losses {
        self.unfinished.losses()
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }

    fn inbox(&self) -> Option<&dyn InboxStore> {
        Some(self)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
