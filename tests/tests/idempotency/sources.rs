//! The sources of receivers.

use apideck_hooks::store::{Claim, Claimed, End, Grant, Held, Key, Status, Store, StoreError};
use apideck_hooks::{BuildError, Hooks, MemoryStore, router};
use apideck_hooks_tests::SECRET;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// A store that several services can share.
#[derive(Default)]
struct SharedStore(MemoryStore);

#[async_trait]
impl Store for SharedStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.0.claim(claim).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.0.renew(grant, lease).await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        self.0.finish(grant, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.0.status(record).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.0.end_rest(record).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}

fn build(store: &Arc<dyn Store>, source: &str) -> Result<Hooks, BuildError> {
    let builder = Hooks::builder(router![..]).secret(SECRET);
    builder.store(Arc::clone(store)).source(source).build()
}

#[test]
fn case_30_a_shared_store_needs_a_source() {
    let store: Arc<dyn Store> = Arc::new(SharedStore::default());
    let error = build(&store, "").unwrap_err();
    assert!(
        error.is_source() && error.to_string().contains("source"),
        "{error}"
    );
    build(&store, "billing").unwrap();
}

#[test]
fn case_30_a_store_has_one_receiver_of_a_source() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = build(&store, "").unwrap();
    let error = build(&store, "").unwrap_err();
    assert!(error.is_source(), "{error}");
    build(&store, "billing").unwrap();
    // Clones are the same receiver.
    let clone = first.clone();
    drop(first);
    assert!(build(&store, "").is_err());
    drop(clone);
    build(&store, "").unwrap();
}
