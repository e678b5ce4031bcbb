//! The store for several processes: in PostgreSQL.

mod bind;
mod builder;
mod call;
mod connections;
mod letters;
mod limits;
mod names;
mod row;
mod statements;
mod sweeper;
mod transactions;

use super::dead_letters::DeadLetterStore;
use super::transactions::Transactions;
use super::{Claim, Claimed, End, Held, Status, Store, StoreError, Token, Verdict};
use crate::delivery::Key;
use async_trait::async_trait;
use call::{changed, query, rows, run};
use connections::Connections;
use limits::{Limits, micros};
use row::{count, get, unexpected};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use statements::Statements;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use sweeper::Sweeper;
use tokio::sync::Semaphore;

pub use builder::PostgresStoreBuilder;
pub use names::InvalidName;

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
/// let hooks = Hooks::builder(router![connection, ..]).secret("key").store(store).build()?;
/// # Ok(())
/// # }
/// ```
///
/// # What it survives
///
/// | | |
/// | --- | --- |
/// | restart, crash or `kill -9` of a receiver | what it was handling can be claimed when its lease is over, under a greater token |
/// | several receivers at once | one of them runs an event |
/// | restart of the server, lost connections | answered `503` meanwhile; no restart of the receiver is needed |
/// | power loss of the server | as far as its `synchronous_commit` reaches; `on`, the default, loses nothing |
/// | failover to a replica | what the replica has not received is forgotten: an event can be handled again. `synchronous_commit` `on` or `remote_apply` with a synchronous standby loses nothing |
/// | clocks of receivers that are wrong | nothing depends on them |
/// | the clock of the server being set | leases and retention end earlier or later by as much |
///
/// The effects of a handler are not part of it: a receiver that dies after the effect and before the end is recorded handles
/// the event again.
///
/// # What it costs
///
/// An event that is handled takes two statements, each one round trip and one commit; a duplicate takes one that writes
/// nothing. A pool pings a connection that comes back to it, and by default before it lends it, each of which is another
/// round trip. So a connection passes from one call of the store to the next, for up to 100 ms, and goes back to the pool
/// when no call has taken it for 5 ms. With [`test_before_acquire(false)`](sqlx::postgres::PgPoolOptions::test_before_acquire) the
/// first ping is spared too, and a dead connection costs one `503` instead. A remembered event takes about 450 bytes with its
/// delivery key and all indexes.
///
/// A claim waits for a free connection, no longer than the pool's `acquire_timeout`: the pool's `max_connections` bounds how
/// many run at once, so share it with nothing that holds connections for long.
///
/// # What it needs
///
/// - PostgreSQL 12 or later, `UTF8` as the database's encoding, and `READ COMMITTED` as the default isolation, which it is:
///   under a stricter one no event runs twice, but claims that meet are answered `503`.
/// - [`migrate`](PostgresStore::migrate) once, or [`migrations_sql`](PostgresStore::migrations_sql) run by your own tool.
///   That makes the table `records`, the sequence `tokens` and the function `claim_v1`, named with the
///   [prefix](PostgresStoreBuilder::prefix), in the [schema](PostgresStoreBuilder::schema) `apideck_hooks`. To use them
///   a role needs `USAGE` of the schema and the sequence and `SELECT`, `INSERT`, `UPDATE`, `DELETE` on the table.
/// - Behind PgBouncer in transaction mode, version 1.21 with `max_prepared_statements` over zero.
///
/// TLS comes with the features of your own `sqlx` (`tls-rustls`, `tls-native-tls`).
///
/// # What it keeps
///
/// A record for the [retention](PostgresStoreBuilder::retention) after it was settled, its delivery keys as long; a task that
/// starts with the first claim and ends with the store [sweeps](PostgresStoreBuilder::sweep_every) what is over. Keys are
/// hashes. **The body of an event that is set aside may hold end-user credentials**, and is kept until it is handled, purged
/// or swept away. A record whose receiver died, and whose event never came again, stays `running` and is never swept.
pub struct PostgresStore {
    connections: Connections,
    statements: Arc<Statements>,
    limits: Limits,
    /// One a handler's transaction.
    turns: Arc<Semaphore>,
    sweeper: OnceLock<Sweeper>,
}

impl PostgresStore {
    /// Makes what is missing of schema, tables and functions; nothing if all is there. Several processes may do so at
    /// once. Where nothing is missing it needs no right to make anything.
    ///
    /// # Errors
    ///
    /// The server is out of reach, or the role may not make what is missing.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        run(&self.connections, &self.statements.schema).await
    }

    /// What [`migrate`](PostgresStore::migrate) runs, for those who run their migrations themselves: one statement, which
    /// may be run again.
    pub fn migrations_sql(&self) -> &str {
        &self.statements.schema
    }

    /// Takes away what its retention is over of; how many records and delivery keys that were. A task does so anyway.
    ///
    /// # Errors
    ///
    /// The server is out of reach.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        sweeper::sweep(&self.connections, &self.statements, self.limits.retention).await
    }

    fn claim_with(&self, sql: &Arc<str>, claim: Claim) -> Query<'static, Postgres, PgArguments> {
        query(sql)
            .bind(claim.event.to_bytes())
            .bind(claim.delivery.map(Key::to_bytes))
            .bind(micros(claim.lease))
            .bind(micros(self.limits.retention))
    }

    fn start_sweeper(&self) {
        self.sweeper
            .get_or_init(|| Sweeper::start(&self.connections, &self.statements, &self.limits));
    }

    /// The end, its letter cut to what is kept.
    fn fit(&self, end: End) -> End {
        match end {
            End::Dead(letter) => End::Dead(letter.fit(self.limits.longest_body)),
            end => end,
        }
    }

    async fn held(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Held, StoreError> {
        Ok(match changed(&self.connections, query).await? {
            0 => Held::Lost,
            _ => Held::Yes,
        })
    }
}

/// Each operation is one statement: a dropped future has happened whole or not at all.
#[async_trait]
impl Store for PostgresStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let rows = rows(&self.connections, self.claim_with(&self.statements.claim, claim)).await?;
        self.start_sweeper();
        let [row] = &rows[..] else {
            return Err(unexpected());
        };
        claimed(row, claim.event)
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        let Some(query) = of_claim(&self.statements.renew, record, token) else {
            return Ok(Held::Lost);
        };
        self.held(query.bind(micros(lease))).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        let end = self.fit(end);
        match settle(&self.statements, record, token, &end) {
            Some(query) => self.held(query).await,
            None => Ok(Held::Lost),
        }
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        let query = query(&self.statements.status)
            .bind(micros(self.limits.retention))
            .bind(record.to_bytes());
        let rows = rows(&self.connections, query).await?;
        let Some(row) = rows.first() else {
            return Ok(Status::Absent);
        };
        let (token, attempt) = (token(get(row, 1)?)?, count(get(row, 2)?)?);
        Ok(match get::<&str>(row, 0)? {
            "running" => Status::Running {
                lease_left: left(get(row, 3)?),
                token,
                attempt,
            },
            "released" => Status::Released { token, attempt },
            "done" => Status::Done { token },
            "dead" => Status::Dead { token },
            _ => return Err(unexpected()),
        })
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }
}

/// What a claim has answered: its token, if it is the event's first, else verdict, token, attempt, microseconds, record.
fn claimed(row: &PgRow, event: Key) -> Result<Claimed, StoreError> {
    let answer = get(row, 0)?;
    parse(answer, event).ok_or_else(unexpected)
}

fn parse(answer: &str, event: Key) -> Option<Claimed> {
    if let Ok(token) = answer.parse() {
        let (token, attempt) = (Token(token), 1);
        return Some(Claimed {
            record: event,
            verdict: Verdict::Granted { token, attempt },
        });
    }
    let mut words = answer.split(' ');
    let [verdict, token, attempt, left, record] = std::array::from_fn(|_| words.next().unwrap_or_default());
    let verdict = match verdict {
        "granted" => Verdict::Granted {
            token: Token(token.parse().ok()?),
            attempt: attempt.parse().ok()?,
        },
        "running" => Verdict::Running {
            lease_left: self::left(left.parse().ok()?),
        },
        "done" => Verdict::Done,
        "dead" => Verdict::Dead,
        _ => return None,
    };
    let record = Key::from_bytes(u128::from_str_radix(record, 16).ok()?.to_be_bytes());
    Some(Claimed { record, verdict })
}

/// The statement that settles a claim; none for a token that was never given.
fn settle<'q>(
    statements: &Statements,
    record: Key,
    token: Token,
    end: &'q End,
) -> Option<Query<'q, Postgres, PgArguments>> {
    match end {
        End::Done => of_claim(&statements.done, record, token),
        End::Release => of_claim(&statements.release, record, token),
        End::Dead(letter) => Some(bind::letter(of_claim(&statements.dead, record, token)?, letter)),
    }
}

/// A statement about a claim; none for a token that was never given.
fn of_claim(sql: &Arc<str>, record: Key, token: Token) -> Option<Query<'static, Postgres, PgArguments>> {
    let token = i64::try_from(token.0).ok()?;
    Some(query(sql).bind(record.to_bytes()).bind(token))
}

fn left(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn token(token: i64) -> Result<Token, StoreError> {
    u64::try_from(token).map(Token).map_err(|_| unexpected())
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
