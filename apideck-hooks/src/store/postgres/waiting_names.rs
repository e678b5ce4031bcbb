//! The names of events that wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::store::Fetch;

/// The names of the events of each source that waited at the last fetch.
#[derive(Default)]
pub(super) struct WaitingNames(Mutex<HashMap<String, Vec<String>>>);

impl WaitingNames {
    /// Returns the names that the workers handle.
    pub(super) fn handled(&self, fetch: &Fetch) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = names.get(&fetch.source).into_iter().flatten();
        names.filter(|name| (fetch.events)(name)).cloned().collect()
    }

    pub(super) fn set(&self, source: &str, names: Vec<String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(source.to_owned(), names);
    }
}
