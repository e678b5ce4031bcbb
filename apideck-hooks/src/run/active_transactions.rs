//! The events that have an open transaction in this process.

use std::collections::HashSet;
use std::sync::PoisonError;

use crate::delivery::Key;
use crate::sync::Mutex;

/// The events with an open transaction.
///
/// A duplicate of such an event waits in memory, so it holds no database connection.
#[derive(Default)]
pub(super) struct ActiveTransactions(Mutex<HashSet<Key>>);

/// Permission to open a transaction for an event. Dropping it ends the permission.
pub(super) struct ActiveTransaction<'a> {
    all: &'a ActiveTransactions,
    event: Key,
}

impl ActiveTransactions {
    /// Takes the event's permission. Returns `None` if another delivery has it.
    pub(super) fn enter(&self, event: Key) -> Option<ActiveTransaction<'_>> {
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(event);
        // Not `then_some`, because dropping its unused argument would end the other delivery's
        // permission.
        new.then(|| ActiveTransaction { all: self, event })
    }

    /// Tells if a delivery has the event's permission.
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
