//! The pool's connections, on their way from call to call.

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// How long the server may take to be done with a call that was given up, before its connection is closed.
pub(super) const LONGEST_DRAIN: Duration = Duration::from_secs(5);

/// How long a connection that nobody uses is kept from the pool.
const LONGEST_IDLE: Duration = Duration::from_millis(5);

/// How long a connection passes from call to call. Then it is the turn of others who use the pool.
const LONGEST_KEPT: Duration = Duration::from_millis(100);

/// Lends connections. What a call gives back goes to the next call at once, and to the pool when there is none: a pool
/// pings whatever comes back to it, which takes the server as long as a claim.
#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
    /// As many as the pool has connections, so that calls wait here for what others give back.
    turns: Arc<Semaphore>,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    /// The one that was used last comes last, and is taken first.
    idle: Vec<Idle>,
    /// Whether a task looks after those that nobody takes.
    tended: bool,
}

struct Idle {
    connection: Kept,
    since: Instant,
}

impl Connections {
    pub(super) fn of(pool: PgPool) -> Self {
        let turns = pool.options().get_max_connections().max(1);
        Connections {
            pool,
            turns: Arc::new(Semaphore::new(turns as usize)),
            shelf: Arc::default(),
        }
    }

    /// How many there can be.
    pub(super) fn most(&self) -> u32 {
        self.pool.options().get_max_connections()
    }

    pub(super) async fn lend(&self) -> sqlx::Result<Lent> {
        let limit = self.pool.options().get_acquire_timeout();
        let turn = timeout(limit, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(sqlx::Error::PoolTimedOut);
        };
        let idle = lock(&self.shelf).idle.pop();
        let connection = match idle {
            Some(idle) if !self.pool.is_closed() => idle.connection,
            _ => Kept::new(self.pool.acquire().await?),
        };
        Ok(Lent {
            held: Some((connection, turn)),
            shelf: Arc::clone(&self.shelf),
        })
    }
}

/// A connection that the pool waits for.
struct Kept {
    /// None once it is away.
    connection: Option<PoolConnection<Postgres>>,
    /// When it came from the pool.
    since: Instant,
}

impl Kept {
    fn new(connection: PoolConnection<Postgres>) -> Self {
        Kept {
            connection: Some(connection),
            since: Instant::now(),
        }
    }
}

/// Back to the pool.
impl Drop for Kept {
    fn drop(&mut self) {
        // Outside of a runtime the pool would panic.
        if let (Some(connection), Err(_)) = (self.connection.take(), Handle::try_current()) {
            drop(connection.detach());
        }
    }
}

/// A connection that is closed unless it is given back: after a call that was given up, an answer may still be on its
/// way. The pool would wait for that answer without end, and be one connection short until TCP gives up.
pub(super) struct Lent {
    held: Option<(Kept, OwnedSemaphorePermit)>,
    shelf: Arc<Mutex<Shelf>>,
}

impl Lent {
    /// It has answered all that it was asked, and is in no transaction.
    pub(super) fn give_back(mut self) {
        let Some((connection, turn)) = self.held.take() else {
            return;
        };
        let now = Instant::now();
        if let (true, Ok(runtime)) = (
            now.duration_since(connection.since) < LONGEST_KEPT,
            Handle::try_current(),
        ) {
            let mut shelf = lock(&self.shelf);
            shelf.idle.push(Idle {
                connection,
                since: now,
            });
            let tended = std::mem::replace(&mut shelf.tended, true);
            // Before the task is made: a runtime that shuts down drops it here and now, and with it goes what is on the shelf.
            drop(shelf);
            if !tended {
                runtime.spawn(tend(Tended(Some(Arc::clone(&self.shelf)))));
            }
        }
        // Last, so that whose turn it is finds the connection.
        drop(turn);
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.held {
            Some((
                Kept {
                    connection: Some(connection),
                    ..
                },
                _,
            )) => connection,
            _ => unreachable!("used after it was given back"),
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.held {
            Some((
                Kept {
                    connection: Some(connection),
                    ..
                },
                _,
            )) => connection,
            _ => unreachable!("used after it was given back"),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some((mut kept, turn)) = self.held.take() else {
            return;
        };
        let Some(mut connection) = kept.connection.take() else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return drop(connection.detach());
        };
        // It counts as in use until the server is done with it: a pool must not open more than it may.
        runtime.spawn(async move {
            let _ = timeout(LONGEST_DRAIN, connection.ping()).await;
            drop(connection.detach());
            drop(turn);
        });
    }
}

/// Gives the pool what nobody takes, until nothing is left.
async fn tend(mut tended: Tended) {
    while let Some(shelf) = &tended.0 {
        sleep(LONGEST_IDLE).await;
        let mut shelf = lock(shelf);
        let now = Instant::now();
        // Those that have been there longest come first.
        let over = shelf
            .idle
            .partition_point(|idle| now.duration_since(idle.since) >= LONGEST_IDLE);
        let over: Vec<_> = shelf.idle.drain(..over).collect();
        shelf.tended = !shelf.idle.is_empty();
        let done = !shelf.tended;
        drop(shelf);
        drop(over);
        if done {
            tended.0 = None;
        }
    }
}

/// The shelf, until there is nothing on it. If the task's runtime ends before, so do the connections.
struct Tended(Option<Arc<Mutex<Shelf>>>);

impl Drop for Tended {
    fn drop(&mut self) {
        if let Some(shelf) = &self.0 {
            let left = std::mem::take(&mut *lock(shelf));
            drop(left);
        }
    }
}

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
