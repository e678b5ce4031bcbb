//! The Redis store. All histories share a prefix, each with keys of its own. The clock of the
//! server cannot be moved, so the times of the records are.

use super::{LETTERS, LONG, MEMORY, RETENTION, World};
use crate::reference::{Crash, Kind};
use ::redis::aio::MultiplexedConnection;
use apideck_hooks::RedisStore;
use apideck_hooks::store::{Key, Store};
use apideck_hooks_tests::redis::{self, Isolated};
use async_trait::async_trait;
use std::time::Duration;

pub(crate) const REDIS: Kind = Kind {
    exact: false,
    letters: LETTERS as usize,
    crash: Crash::KeepsLeases,
    ..MEMORY
};

pub(crate) struct Redis {
    store: RedisStore,
    client: MultiplexedConnection,
    isolated: Isolated,
}

impl Redis {
    pub(crate) async fn new() -> Option<Self> {
        let isolated = Isolated::new().await?;
        Some(Redis {
            store: Self::open(&isolated).await,
            client: isolated.client().await,
            isolated,
        })
    }

    async fn open(isolated: &Isolated) -> RedisStore {
        let builder = isolated.builder().max_dead_letters(LETTERS);
        let builder = builder.retention(LONG * RETENTION as u32);
        builder.connect().await.expect("Redis")
    }

    async fn move_times(&mut self, micros: i64, keys: &[Key]) {
        let prefix = &self.isolated.prefix;
        let names = keys
            .iter()
            .flat_map(|key| ["record", "alias"].map(|kind| format!("{prefix}:{kind}:{key}")));
        let names: Vec<_> = names.collect();
        redis::move_times(&mut self.client, &names, micros, false).await;
    }
}

#[async_trait]
impl World for Redis {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn pass(&mut self, time: Duration, keys: &[Key]) {
        self.move_times(-(time.as_micros() as i64), keys).await;
    }

    async fn set_back(&mut self, time: Duration, keys: &[Key]) {
        self.move_times(time.as_micros() as i64, keys).await;
    }

    async fn crash(&mut self) {
        self.store = Self::open(&self.isolated).await;
    }
}
