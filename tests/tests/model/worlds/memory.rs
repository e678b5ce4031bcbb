//! The memory store. It reads tokio's clock, which must be paused.

use super::{RETENTION, SHORT, World};
use crate::reference::{Crash, Kind};
use apideck_hooks::MemoryStore;
use apideck_hooks::store::{Key, Store};
use async_trait::async_trait;
use std::time::Duration;

pub(crate) const MEMORY: Kind = Kind {
    exact: true,
    capacity: usize::MAX,
    letters: 0,
    crash: Crash::Forgets,
    retention: RETENTION,
};
/// No record of it expires, so each that goes was evicted.
pub(crate) const FULL_MEMORY: Kind = Kind {
    capacity: 3,
    retention: 1_000_000,
    ..MEMORY
};

pub(crate) struct Memory {
    store: MemoryStore,
    kind: Kind,
}

impl Memory {
    pub(crate) fn new(kind: Kind) -> Self {
        let retention = SHORT * u32::try_from(kind.retention).expect("few");
        let builder = MemoryStore::builder().capacity(kind.capacity);
        Memory {
            store: builder.retention(retention).build(),
            kind,
        }
    }
}

#[async_trait]
impl World for Memory {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn pass(&mut self, time: Duration, _: &[Key]) {
        tokio::time::advance(time).await;
    }

    async fn set_back(&mut self, _: Duration, _: &[Key]) {
        unreachable!("its clock cannot be set back");
    }

    async fn crash(&mut self) {
        *self = Memory::new(self.kind);
    }
}
