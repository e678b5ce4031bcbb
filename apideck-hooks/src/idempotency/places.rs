//! Which events are at work in transactions of this process.

use super::sync::Mutex;
use crate::delivery::Key;
use std::collections::HashSet;
use std::sync::PoisonError;

/// A duplicate could wait in the database, on a connection of its own; here it costs none.
#[derive(Default)]
pub(super) struct Places(Mutex<HashSet<Key>>);

/// The right to begin a transaction about an event.
pub(super) struct Place<'a> {
    places: &'a Places,
    event: Key,
}

impl Places {
    /// None if another has it.
    pub(super) fn take(&self, event: Key) -> Option<Place<'_>> {
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(event);
        // Not `then_some`: a place that is made and not given would be left.
        new.then(|| Place { places: self, event })
    }

    pub(super) fn is_taken(&self, event: Key) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&event)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.remove(&self.event);
    }
}
