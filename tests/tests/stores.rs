//! Every store passes the same suite.

use apideck_hooks::{MemoryStore, store_conformance};

store_conformance!(memory, (start_paused = true), async { MemoryStore::new() });
store_conformance!(memory_of_one_shard, (start_paused = true), async {
    MemoryStore::builder().capacity(1000).build()
});
