//! The sources under which each store is in use in this process.
//!
//! Two receivers with one store and one source would take each other's events for duplicates. So
//! `build` refuses the second one while the first is alive.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::Store;

/// The address of each store in use, with its source. The addresses are those of live stores,
/// because each use holds its store.
static USES: Mutex<Vec<(usize, String)>> = Mutex::new(Vec::new());

/// The use of a store under a source. Dropping it ends the use.
pub(super) struct StoreUse {
    store: Arc<dyn Store>,
    source: String,
}

impl StoreUse {
    /// Begins the use. `None` if the store is in use under this source.
    pub(super) fn begin(store: &Arc<dyn Store>, source: &str) -> Option<Self> {
        let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address(store);
        if uses.iter().any(|(at, name)| *at == address && name == source) {
            return None;
        }
        uses.push((address, source.to_owned()));
        Some(Self {
            store: Arc::clone(store),
            source: source.to_owned(),
        })
    }
}

impl Drop for StoreUse {
    fn drop(&mut self) {
        let address = address(&self.store);
        let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = uses
            .iter()
            .position(|(at, name)| *at == address && *name == self.source)
        {
            uses.swap_remove(at);
        }
    }
}

fn address(store: &Arc<dyn Store>) -> usize {
    Arc::as_ptr(store).addr()
}
