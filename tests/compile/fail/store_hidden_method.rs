use apideck_hooks::store::{Claim, Claimed, End, Grant, Held, Key, Status, Store, StoreError};
use std::time::Duration;

struct OwnStore;

#[async_trait::async_trait]
impl Store for OwnStore {
    async fn claim(&self, _: Claim) -> Result<Claimed, StoreError> {
        todo!()
    }

    async fn renew(&self, _: Grant, _: Duration) -> Result<Held, StoreError> {
        todo!()
    }

    async fn finish(&self, _: Grant, _: End) -> Result<Held, StoreError> {
        todo!()
    }

    async fn status(&self, _: Key) -> Result<Status, StoreError> {
        todo!()
    }

    async fn end_rest(&self, _: Key) -> Result<bool, StoreError> {
        todo!()
    }

    fn claim_without_future<T>(&self, _: &Claim, _: T) -> Option<Claimed> {
        None
    }
}

fn main() {
    let _ = OwnStore;
}
