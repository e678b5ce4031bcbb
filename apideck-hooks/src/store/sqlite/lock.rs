//! One process a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an owner that is on its way out is waited for: a store that was dropped ends in the background.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// Held while a store lives. The operating system lets go of it when the process ends, however it ends.
///
/// It is on a file beside the database: a lock on the database itself would get in the way of SQLite's own, which a
/// process also loses as soon as it closes any other handle of that file.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// The lock of this database, or why there is none.
    pub(super) async fn of(database: &Path) -> Result<Self, String> {
        let path = beside(database);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = file.map_err(|error| {
            format!(
                "{} cannot be opened: {error}; this process must be able to write the directory of the database",
                path.display()
            )
        })?;
        let last = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < last => sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => return Err(held(&mut file, database)),
                Err(TryLockError::Error(error)) => {
                    return Err(format!(
                        "{} cannot be locked: {error}; keep the database on a local disk",
                        path.display()
                    ));
                }
            }
        }
        // For whoever is refused; nothing depends on it.
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(Lock { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn held(file: &mut File, database: &Path) -> String {
    let mut owner = String::new();
    let owner = match file.take(20).read_to_string(&mut owner) {
        Ok(_) if owner.bytes().all(|byte| byte.is_ascii_digit()) && !owner.is_empty() => {
            format!("process {owner}")
        }
        _ => "another store".to_owned(),
    };
    format!(
        "{} is open in {owner}: one process at a time can have it; stop that one, or give each its own file",
        database.display()
    )
}
