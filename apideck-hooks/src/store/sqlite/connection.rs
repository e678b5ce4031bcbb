//! The writing connection, which a handler can hold.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::SqliteConnection;

/// Steps of a statement between two looks at the switches. They take less than a millisecond.
const STEPS: i32 = 10_000;

/// A connection with switches that work while a handler holds it.
pub(super) struct Connection {
    inner: SqliteConnection,
    switches: Switches,
}

/// Restricts the use of a connection. Clones are the same switches.
#[derive(Clone, Default)]
pub(super) struct Switches(Arc<Flags>);

// Each flag stands for itself, and orders no other memory.
#[derive(Default)]
struct Flags {
    commits_refused: AtomicBool,
    stopped: AtomicBool,
}

impl Connection {
    pub(super) async fn new(mut inner: SqliteConnection) -> sqlx::Result<Self> {
        let switches = Switches::default();
        let mut handle = inner.lock_handle().await?;
        let flags = Arc::clone(&switches.0);
        handle.set_commit_hook(move || !flags.commits_refused.load(Ordering::Relaxed));
        let flags = Arc::clone(&switches.0);
        handle.set_progress_handler(STEPS, move || !flags.stopped.load(Ordering::Relaxed));
        drop(handle);
        Ok(Self { inner, switches })
    }

    pub(super) fn switches(&self) -> Switches {
        self.switches.clone()
    }

    pub(super) fn into_inner(self) -> SqliteConnection {
        self.inner
    }
}

impl Switches {
    /// Makes commits fail and roll back, because only the store commits.
    pub(super) fn refuse_commits(&self, refused: bool) {
        self.0.commits_refused.store(refused, Ordering::Relaxed);
    }

    /// Makes long statements fail, also the one that runs now.
    pub(super) fn stop(&self, stopped: bool) {
        self.0.stopped.store(stopped, Ordering::Relaxed);
    }
}

impl Deref for Connection {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.inner
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }
}
