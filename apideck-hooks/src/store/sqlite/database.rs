//! The file, and what goes wrong with it.

use super::lendable::Lendable;
use crate::store::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqliteConnection};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a connection waits for another program that writes to the file. Shorter than a call may take by default,
/// so that the error names the cause.
const BUSY: Duration = Duration::from_secs(4);
/// What is left of the write-ahead log once it was copied into the database, at the most.
const LOG_BYTES: &str = "67108864";
/// Pages that the writer keeps in memory, at the most. Negative: in KiB.
const CACHE_KIB: &str = "-16384";

/// Where the database is; makes connections.
#[derive(Clone, Debug)]
pub(super) struct Database {
    path: PathBuf,
}

/// What became of talking to it.
pub(super) enum Failed {
    Sql(sqlx::Error),
    Other(String),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Failed::Sql(error)
    }
}

impl Database {
    /// The database at this path, as one name for it whatever symbolic link leads there.
    pub(super) fn at(path: &Path) -> Result<Self, StoreError> {
        let refused = |error: io::Error| StoreError::new(format!("{}: {error}", path.display()));
        if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
            return Err(StoreError::new(
                "SqliteStore wants the name of a file; to remember events in memory alone, take a MemoryStore",
            ));
        }
        let mut path = std::path::absolute(path).map_err(refused)?;
        if path.is_symlink() {
            path = std::fs::canonicalize(&path).map_err(refused)?;
        }
        if path.is_dir() {
            return Err(StoreError::new(format!(
                "{} is a directory; name a file in it",
                path.display()
            )));
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
            return Err(StoreError::new(format!(
                "the directory {} does not exist; create it first",
                directory.display()
            )));
        }
        Ok(Database { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes an empty file if there is none, for its owner alone: dead letters may hold credentials. SQLite gives the
    /// files beside it the same mode. For the holder of the lock: to close a file takes SQLite's own locks from it.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        if self.path.exists() {
            return Ok(());
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::new(format!(
                "{} cannot be created: {error}",
                self.path.display()
            ))),
        }
    }

    /// A connection that commits durably.
    pub(super) async fn writer(&self) -> Result<Lendable, Failed> {
        let mut connection = self
            .options()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // Where `fsync` alone leaves data in the drive's cache: macOS.
            .pragma("fullfsync", "1")
            .pragma("checkpoint_fullfsync", "1")
            // A dead letter's body may hold credentials: what is deleted is overwritten.
            .pragma("secure_delete", "1")
            .pragma("journal_size_limit", LOG_BYTES)
            .pragma("cache_size", CACHE_KIB)
            .connect()
            .await?;
        let mode: String = sqlx::query("PRAGMA journal_mode")
            .fetch_one(&mut connection)
            .await?
            .try_get(0)?;
        if mode != "wal" {
            return Err(Failed::Other(format!(
                "its journal mode stays {mode:?}: keep it on a local disk, where SQLite can use a write-ahead log"
            )));
        }
        Ok(Lendable::new(connection).await?)
    }

    /// A connection beside the writer's, for what was committed.
    pub(super) async fn reader(&self) -> Result<SqliteConnection, Failed> {
        Ok(self.options().read_only(true).connect().await?)
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .busy_timeout(BUSY)
            .disable_statement_logging()
    }

    /// What failed, and what to do about it.
    pub(super) fn explain(&self, failed: &Failed) -> String {
        let path = self.path.display();
        let error = match failed {
            Failed::Other(text) => return format!("{path}: {text}"),
            Failed::Sql(error) => error,
        };
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<i32>().ok());
        // The low byte is the primary result code: https://www.sqlite.org/rescode.html
        let advice = match code.map(|code| code & 0xff) {
            Some(5 | 6) => "another program keeps it locked; end that program's transaction",
            Some(8) => "make the file, and the directory it is in, writable for this process",
            Some(10) => "reading or writing the disk failed; see the system's log",
            Some(11 | 26) => {
                "it is damaged, or no SQLite database; restore a copy of it, or move it away together with its `-wal` file to \
                 start with an empty one, to which all events are new"
            }
            Some(13) => "make room on the disk",
            Some(14) => {
                "check that the file and its directory exist and that this process may read and write both"
            }
            _ => return format!("{path}: {error}"),
        };
        format!("{path}: {error}; {advice}")
    }
}
