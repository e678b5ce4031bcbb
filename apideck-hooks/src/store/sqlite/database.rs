//! The database file, its connections and its errors.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqliteConnection};

use super::connection::Connection;
use super::lock::{FileId, file_id, with_suffix};
use crate::store::StoreError;

/// Time that a connection waits for another program that writes to the file. Shorter than the
/// default `store_timeout`, so that the error names the cause.
const BUSY: Duration = Duration::from_secs(4);
/// Largest write-ahead log that SQLite leaves after it has copied the log into the database.
const LOG_BYTES: &str = "67108864";
/// Largest cache of the writing connection. A negative number counts KiB.
const CACHE_KIB: &str = "-16384";

/// A locked database file.
#[derive(Clone, Debug)]
pub(super) struct Database {
    path: PathBuf,
    id: FileId,
}

/// A failed operation.
pub(super) enum Failed {
    Sql(sqlx::Error),
    /// A row that no release has written.
    Row,
    Other(String),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failed {
    /// SQLite's result code, with its extension. <https://www.sqlite.org/rescode.html>
    pub(super) fn code(&self) -> Option<i32> {
        let Self::Sql(error) = self else { return None };
        error.as_database_error()?.code()?.parse().ok()
    }

    /// Tells if another operation can succeed: the failure is about a row or a value, and not about
    /// the file.
    pub(super) fn is_of_one_operation(&self) -> bool {
        const ERROR: i32 = 1;
        const TOO_BIG: i32 = 18;
        const CONSTRAINT: i32 = 19;
        let code = self.code().map(|code| code & 0xff);
        matches!(self, Self::Row) || matches!(code, Some(ERROR | TOO_BIG | CONSTRAINT))
    }
}

/// Resolves symbolic links, and refuses a path that cannot name a database.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let refused = |error: io::Error| StoreError::new(format!("{}: {error}", path.display()));
    if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
        return Err(StoreError::new(
            "a SqliteStore needs the name of a file; use a MemoryStore to remember events in memory alone",
        ));
    }
    let mut path = std::path::absolute(path).map_err(refused)?;
    if path.is_symlink() {
        path = std::fs::canonicalize(&path).map_err(refused)?;
    }
    let directory = path.parent().filter(|directory| !directory.is_dir());
    if let Some(directory) = directory {
        return Err(StoreError::new(format!(
            "the directory {} does not exist; create it first",
            directory.display()
        )));
    }
    if path.exists() && !path.is_file() {
        return Err(StoreError::new(format!(
            "{} is not a file; name a file",
            path.display()
        )));
    }
    Ok(path)
}

impl Database {
    pub(super) fn new(path: PathBuf, id: FileId) -> Self {
        Self { path, id }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the write-ahead log.
    pub(super) fn log(&self) -> PathBuf {
        with_suffix(&self.path, "-wal")
    }

    /// Checks that the path still names the locked file.
    pub(super) fn check(&self) -> Result<(), Failed> {
        if file_id(&self.path).is_ok_and(|id| id == self.id) {
            return Ok(());
        }
        Err(Failed::Other(
            "the file was deleted, moved or replaced while it was open; put it back, or restart this process \
             with the new one"
                .to_owned(),
        ))
    }

    /// Opens a connection that commits durably.
    pub(super) async fn writer(&self) -> Result<Connection, Failed> {
        let mut connection = self
            .options()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // On macOS `fsync` alone leaves data in the drive's cache.
            .pragma("fullfsync", "1")
            .pragma("checkpoint_fullfsync", "1")
            // A dead letter's body may hold credentials, so deleted contents are overwritten.
            .pragma("secure_delete", "1")
            .pragma("journal_size_limit", LOG_BYTES)
            .pragma("cache_size", CACHE_KIB)
            .connect()
            .await?;
        self.check()?;
        let mode = sqlx::query("PRAGMA journal_mode")
            .fetch_one(&mut connection)
            .await?;
        let mode: String = mode.try_get(0)?;
        if mode != "wal" {
            return Err(Failed::Other(format!(
                "its journal mode stays {mode:?}; keep it on a local disk, where SQLite can use a write-ahead log"
            )));
        }
        Ok(Connection::new(connection).await?)
    }

    /// Opens a connection that reads committed data beside the writer.
    pub(super) async fn reader(&self) -> Result<SqliteConnection, Failed> {
        let connection = self.options().read_only(true).connect().await?;
        self.check()?;
        Ok(connection)
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .busy_timeout(BUSY)
            .disable_statement_logging()
    }

    /// Returns the error with the advice for its user.
    pub(super) fn explain(&self, failed: &Failed) -> String {
        let path = self.path.display();
        let error = match failed {
            Failed::Other(text) => return format!("{path}: {text}"),
            Failed::Row => {
                return format!(
                    "{path}: a row has values that no release has written; restore a copy of the file"
                );
            }
            Failed::Sql(error) => error,
        };
        // The low byte is the primary result code.
        let advice = match failed.code().map(|code| code & 0xff) {
            Some(5 | 6) => "another program keeps it locked; end that program's transaction",
            Some(8) => "make the file and its directory writable for this process",
            Some(10) => "reading or writing the disk failed; see the system's log",
            Some(11 | 26) => {
                "it is damaged, or not a SQLite database; restore a copy of it, or move it away together with its \
                 `-wal` file to start with an empty one, to which all events are new"
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
