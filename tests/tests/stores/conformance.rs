//! The conformance suite on every store.

use apideck_hooks::{MemoryStore, SqliteStore, store_conformance};
use apideck_hooks_tests::directory::file_of_this_thread;
use apideck_hooks_tests::postgres::Database;
use apideck_hooks_tests::stranger::StrangerStore;

store_conformance!(memory, (start_paused = true), async { MemoryStore::new() });
store_conformance!(memory_of_one_shard, (start_paused = true), async {
    MemoryStore::builder().capacity(1000).build()
});
store_conformance!(
    memory_on_two_threads,
    (flavor = "multi_thread", worker_threads = 2),
    async { MemoryStore::new() }
);
// A user's own store passes too.
store_conformance!(stranger, async { StrangerStore::default() });
store_conformance!(sqlite, async {
    SqliteStore::open(file_of_this_thread("hooks.db")).await.unwrap()
});
store_conformance!(
    sqlite_on_two_threads,
    (flavor = "multi_thread", worker_threads = 2),
    async { SqliteStore::open(file_of_this_thread("hooks.db")).await.unwrap() }
);
store_conformance!(postgres, (flavor = "multi_thread"), async {
    match Database::new().await {
        Some(database) => Some(database.migrated().await),
        None => None,
    }
});

#[cfg(unix)]
store_conformance!(redis, async { apideck_hooks_tests::redis::Cleaned::new().await });
