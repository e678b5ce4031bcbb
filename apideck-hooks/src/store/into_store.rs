//! The arguments that `HooksBuilder::store` takes.

use std::sync::Arc;

use super::contract::Store;

/// A store, or an `Arc` of a store.
pub trait IntoStore: sealed::Sealed {
    /// Returns the store as a shared trait object.
    fn into_store(self) -> Arc<dyn Store>;
}

mod sealed {
    pub trait Sealed {}
}

impl<T: Store> sealed::Sealed for T {}
impl<T: Store> sealed::Sealed for Arc<T> {}
impl sealed::Sealed for Arc<dyn Store> {}

impl<T: Store> IntoStore for T {
    fn into_store(self) -> Arc<dyn Store> {
        Arc::new(self)
    }
}

impl<T: Store> IntoStore for Arc<T> {
    fn into_store(self) -> Arc<dyn Store> {
        self
    }
}

impl IntoStore for Arc<dyn Store> {
    fn into_store(self) -> Arc<dyn Store> {
        self
    }
}
