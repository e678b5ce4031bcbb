//! The writer's connection: one that can be lent, and reined in.

use sqlx::SqliteConnection;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of a statement between two looks at whether it is to stop: less than a millisecond's.
const STEPS: i32 = 10_000;

pub(super) struct Lendable {
    connection: SqliteConnection,
    reins: Reins,
}

/// What is left in hand of a connection that is lent.
#[derive(Clone, Default)]
pub(super) struct Reins(Arc<Flags>);

#[derive(Default)]
struct Flags {
    lent: AtomicBool,
    stopped: AtomicBool,
}

impl Lendable {
    pub(super) async fn new(mut connection: SqliteConnection) -> sqlx::Result<Self> {
        let reins = Reins::default();
        let mut handle = connection.lock_handle().await?;
        let flags = Arc::clone(&reins.0);
        handle.set_commit_hook(move || !flags.lent.load(Ordering::Acquire));
        let flags = Arc::clone(&reins.0);
        handle.set_progress_handler(STEPS, move || !flags.stopped.load(Ordering::Acquire));
        drop(handle);
        Ok(Lendable { connection, reins })
    }

    pub(super) fn reins(&self) -> Reins {
        self.reins.clone()
    }

    pub(super) fn into_inner(self) -> SqliteConnection {
        self.connection
    }
}

impl Reins {
    /// Whether a handler has it: whatever is committed meanwhile is rolled back instead, and the statement fails.
    pub(super) fn set_lent(&self, lent: bool) {
        self.0.lent.store(lent, Ordering::Release);
    }

    /// Whether what takes long is to fail, the statement that runs included.
    pub(super) fn set_stopped(&self, stopped: bool) {
        self.0.stopped.store(stopped, Ordering::Release);
    }
}

impl Deref for Lendable {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Lendable {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
