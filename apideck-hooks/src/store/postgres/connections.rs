//! The store's own connections.
//!
//! # How it works
//!
//! The store connects with the options of the pool that it was given, and not through that pool. So
//! it sets its time limits on its own connections, and the user's queries keep theirs.
//!
//! A slot of the semaphore is held from before a connection is opened until it is idle again or
//! closed. A connection whose call was given up keeps its slot until the server is done with the
//! call. So there are never more server processes than slots, and one that cancels. See `running`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres, Row};
use tokio::sync::{Mutex as Turn, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::errors::explain;
use super::late::Late;
use super::pooler;
use super::statements::Statements;
use crate::store::StoreError;

/// Maximum time for which a connection is idle. An older one may have been cut without a sign.
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Maximum age of a connection, because a server process keeps what it has learned.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 60);

/// Maximum time in which a statement is cancelled.
const LONGEST_CANCEL: Duration = Duration::from_secs(5);

/// More prepared statements than the store has.
const STATEMENTS: usize = 50;

/// The time limits of the server. A call is given up later than the server gives it up. Another
/// isolation than `read committed` would only make claims conflict.
const SETTINGS: &str = "SELECT pg_backend_pid(),
    (SELECT (extract(epoch FROM a.backend_start) * 1000000)::bigint
        FROM pg_stat_get_activity(pg_backend_pid()) a),
    set_config('lock_timeout', '5s', false), set_config('statement_timeout', '10s', false),
    set_config('default_transaction_isolation', 'read committed', false)";

/// The connections, and the statements that run on them. Clones share them.
#[derive(Clone)]
pub(super) struct Connections(Arc<OwnPool>);

struct OwnPool {
    given: PgPool,
    statements: Statements,
    slots: Arc<Semaphore>,
    /// The one that was used last comes last and is taken first.
    idle: Mutex<Vec<Idle>>,
    /// `true` behind a transaction pooler.
    pooled: OnceCell<bool>,
    checked: OnceCell<()>,
    /// One connection cancels at a time.
    cancels: Turn<()>,
    late: Late,
}

struct Idle {
    session: Open,
    since: Instant,
}

struct Open {
    connection: PgConnection,
    backend: Option<Backend>,
    opened: Instant,
}

/// A server process. Its id can be given to another process later, with another start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Backend {
    pub(super) pid: i32,
    /// Microseconds since the start of 1970.
    pub(super) started: i64,
}

/// A connection in use. Dropping it closes it.
pub(super) struct Session {
    open: Open,
    /// `true` if it was idle before. The server may have closed it meanwhile.
    pub(super) reused: bool,
    _slot: OwnedSemaphorePermit,
}

impl Session {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.open.connection
    }

    /// The server process. `None` behind a transaction pooler.
    pub(super) fn backend(&self) -> Option<Backend> {
        self.open.backend
    }
}

impl Connections {
    pub(super) fn new(given: PgPool, size: u32, statements: Statements) -> Self {
        Self(Arc::new(OwnPool {
            given,
            statements,
            // One more connection cancels.
            slots: Arc::new(Semaphore::new(size.saturating_sub(1).max(1) as usize)),
            idle: Mutex::default(),
            pooled: OnceCell::new(),
            checked: OnceCell::new(),
            cancels: Turn::const_new(()),
            late: Late::default(),
        }))
    }

    pub(super) fn given(&self) -> &PgPool {
        &self.0.given
    }

    pub(super) fn statements(&self) -> &Statements {
        &self.0.statements
    }

    pub(super) fn late(&self) -> &Late {
        &self.0.late
    }

    /// Waits for a slot.
    pub(super) async fn slot(&self) -> sqlx::Result<OwnedSemaphorePermit> {
        let slot = Arc::clone(&self.0.slots).acquire_owned().await;
        slot.map_err(|_| sqlx::Error::PoolClosed)
    }

    /// Takes an idle connection, or opens one.
    pub(super) async fn session(&self, slot: OwnedSemaphorePermit) -> sqlx::Result<Session> {
        if self.0.given.is_closed() {
            self.close_idle();
            return Err(sqlx::Error::PoolClosed);
        }
        let idle = self.idle().pop();
        let (open, reused) = match idle {
            Some(idle) if idle.since.elapsed() < LONGEST_IDLE => (idle.session, true),
            _ => (self.open().await?, false),
        };
        Ok(Session {
            open,
            reused,
            _slot: slot,
        })
    }

    async fn open(&self) -> sqlx::Result<Open> {
        let mut connection = self.connect().await?;
        let backend = if self.0.pooled.get() == Some(&false) {
            let row = sqlx::query(SETTINGS)
                .persistent(false)
                .fetch_one(&mut connection)
                .await?;
            Some(Backend {
                pid: row.try_get(0)?,
                started: row.try_get(1)?,
            })
        } else {
            None
        };
        Ok(Open {
            connection,
            backend,
            opened: Instant::now(),
        })
    }

    /// Connects as the pool does, without any setting of the store.
    pub(super) async fn connect(&self) -> sqlx::Result<PgConnection> {
        self.options().connect().await
    }

    /// A pool for the connection of a listener, which connects again by itself.
    pub(super) fn pool_of_one(&self) -> PgPool {
        let options = PgPoolOptions::new().max_connections(1);
        options.connect_lazy_with(self.options())
    }

    fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::clone(&self.0.given.connect_options());
        // The pool may have been told to keep none.
        options.statement_cache_capacity(STATEMENTS)
    }

    /// Takes a connection back that has answered everything and is not in a transaction.
    pub(super) fn give_back(&self, session: Session) {
        let Session {
            open, _slot: slot, ..
        } = session;
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < LONGEST_IDLE);
        if open.opened.elapsed() < LONGEST_LIFE && !self.0.given.is_closed() {
            idle.push(Idle {
                session: open,
                since: Instant::now(),
            });
        }
        drop(idle);
        // Last, so that the next holder of the slot finds the connection.
        drop(slot);
    }

    /// Closes all idle connections, because one of them was dead.
    pub(super) fn close_idle(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels the statement of a server process. Returns `false` if that is not certain.
    pub(super) async fn cancel(&self, backend: Backend) -> bool {
        let statement = sqlx::query(
            "SELECT pg_cancel_backend(a.pid) FROM pg_stat_get_activity($1) a
            WHERE (extract(epoch FROM a.backend_start) * 1000000)::bigint = $2",
        );
        self.cancel_by(statement.bind(backend.pid).bind(backend.started))
            .await
    }

    /// Cancels the statement of the handler's transaction with this number. Returns `false` if that
    /// is not certain.
    pub(super) async fn cancel_transaction(&self, number: i64) -> bool {
        let statement = sqlx::query(
            "SELECT pg_cancel_backend(l.pid) FROM pg_locks l
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
                AND (l.classid::bigint << 32) | l.objid::bigint = $1
                AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())",
        );
        self.cancel_by(statement.bind(number)).await
    }

    async fn cancel_by(&self, statement: Query<'_, Postgres, PgArguments>) -> bool {
        let cancel = async {
            let _turn = self.0.cancels.lock().await;
            let mut connection = self.connect().await?;
            statement.persistent(false).execute(&mut connection).await?;
            connection.close().await
        };
        matches!(timeout(LONGEST_CANCEL, cancel).await, Ok(Ok(())))
    }

    /// Tells if a transaction pooler is in between. The first call probes.
    ///
    /// # Errors
    ///
    /// The server is out of reach, or the pooler mixes prepared statements up.
    pub(super) async fn pooled(&self) -> Result<bool, StoreError> {
        let options = self.options();
        let pooled = self.0.pooled.get_or_try_init(|| pooler::probe(&options)).await?;
        Ok(*pooled)
    }

    /// Checks the pooler and the tables, once.
    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        if self.0.checked.initialized() {
            return Ok(());
        }
        self.pooled().await?;
        let check = || async {
            let mut connection = self.connect().await.map_err(explain)?;
            pooler::check(&mut connection, &self.0.statements).await?;
            let _ = connection.close().await;
            Ok(())
        };
        self.0.checked.get_or_try_init(check).await.copied()
    }
}
