//! The stores that the suite can test.

use std::sync::Arc;

use crate::store::Store;

/// The value of the expression in [`store_conformance!`](crate::store_conformance): a store, or an
/// `Option` of a store.
///
/// Return `None` on a machine without the server that the store needs.
pub trait Subject {
    /// Type of the store.
    type Store: Store;

    /// Returns the store to test. `None` skips the test.
    fn into_store(self) -> Option<Arc<Self::Store>>;
}

impl<S: Store> Subject for S {
    type Store = S;

    fn into_store(self) -> Option<Arc<S>> {
        Some(Arc::new(self))
    }
}

impl<S: Store> Subject for Option<S> {
    type Store = S;

    fn into_store(self) -> Option<Arc<S>> {
        self.map(Arc::new)
    }
}
