//! SQLite stores in files.

use crate::waiting::{GENEROUS, until};
use apideck_hooks::{SqliteStore, SqliteStoreBuilder};
use std::fs::File;
use std::path::Path;
use std::time::Instant;

/// Opens a store with the default limits.
pub async fn open(file: &Path) -> SqliteStore {
    open_with(SqliteStore::builder(file)).await
}

/// Opens a store. It waits for an earlier store of this process, which closes in the background
/// after its drop. On a busy machine that takes longer than `SqliteStoreBuilder::open` waits.
pub async fn open_with(builder: SqliteStoreBuilder) -> SqliteStore {
    let since = Instant::now();
    loop {
        match builder.clone().open().await {
            Ok(store) => return store,
            Err(error) => {
                let waits = error.to_string().contains("is open in process") && since.elapsed() < GENEROUS;
                assert!(waits, "{error}");
            }
        }
    }
}

/// Waits until no store has the file open.
pub async fn until_closed(file: &Path) {
    let mut lock = file.as_os_str().to_owned();
    lock.push(".lock");
    let lock = File::open(lock).expect("the lock of a store");
    until("the store closes its file", async || lock.try_lock().is_ok()).await;
}
