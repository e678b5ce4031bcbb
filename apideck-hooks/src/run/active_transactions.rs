//! The events of this process that have an open transaction.

use crate::delivery::Key;
use crate::sync::Mutex;
use std::collections::HashSet;
use std::sync::PoisonError;

/// The events with an open transaction. A duplicate waits for one of them in memory, so it holds no database connection.
#[derive(Default)]
pub(super) struct ActiveTransactions(Mutex<HashSet<Key>>);

/// The right to open a transaction for an event. Dropping it gives the right back.
pub(super) struct ActiveTransaction<'a> {
    all: &'a ActiveTransactions,
    event: Key,
}

impl ActiveTransactions {
    /// Takes the event's right. `None` if another delivery has it.
    pub(super) fn enter(&self, event: Key) -> Option<ActiveTransaction<'_>> {
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(event);
        // Not `then_some`, which would make a right and drop it at once where another delivery has it.
        new.then(|| ActiveTransaction { all: self, event })
    }

    pub(super) fn contains(&self, event: Key) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&event)
    }
}

impl Drop for ActiveTransaction<'_> {
    fn drop(&mut self) {
        let mut events = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.remove(&self.event);
    }
}
