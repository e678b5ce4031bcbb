//! SQLite stores in files.

use crate::waiting::{GENEROUS, until};
use apideck_hooks::{SqliteStore, SqliteStoreBuilder};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Opens a store with the default settings.
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

/// The file beside a database with this suffix.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Waits until no connection has the file open. The last one has copied the log into the file and
/// deleted the log.
pub async fn until_closed(file: &Path) {
    let log = beside(file, "-wal");
    until("the store closes its file", async || !log.exists()).await;
}

/// Waits until no store owns the file.
pub async fn until_unowned(file: &Path) {
    until("the store ends", async || !is_owned(file)).await;
}

/// Reads the locks of the system. Opening the file and closing it would take SQLite's own locks from
/// this process.
#[cfg(target_os = "linux")]
fn is_owned(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = format!(":{}", std::fs::metadata(file).expect("a file").ino());
    let locks = std::fs::read_to_string("/proc/locks").expect("the locks of the system");
    let mut fields = locks
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.any(|fields| fields[1] == "FLOCK" && fields[5].ends_with(&inode))
}

#[cfg(not(target_os = "linux"))]
fn is_owned(file: &Path) -> bool {
    let lock = std::fs::File::open(beside(file, ".lock")).expect("the lock of a store");
    lock.try_lock().is_err()
}
