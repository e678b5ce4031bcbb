//! The write-ahead log beside the database.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::database::{Database, Failed};
use super::lock::{FileId, file_id};

/// Size from which a log is reported. SQLite keeps it far below that unless a reader prevents it.
const LARGE: u64 = 128 * 1024 * 1024;
/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(600);

/// The log that the writing connection has open.
pub(super) struct Log {
    path: PathBuf,
    /// `None` until it was seen first.
    id: Option<FileId>,
    reported: Option<Instant>,
}

impl Log {
    pub(super) fn new(database: &Database) -> Self {
        Self {
            path: database.log(),
            id: None,
            reported: None,
        }
    }

    /// Checks that the log is still in its place, because a commit into a deleted log is lost with
    /// the process. Warns of a large log.
    pub(super) fn check(&mut self) -> Result<(), Failed> {
        let found = file_id(&self.path).ok();
        if let Some(id) = &self.id {
            if found.as_ref() != Some(id) {
                return Err(Failed::Other(format!(
                    "its write-ahead log {} was deleted or replaced while it was open, and the latest events \
                     may be new again after a restart; restart this process",
                    self.path.display()
                )));
            }
        } else {
            self.id = found;
        }
        self.warn_of_size();
        Ok(())
    }

    fn warn_of_size(&mut self) {
        if self.reported.is_some_and(|at| at.elapsed() < REPORT_EVERY) {
            return;
        }
        let bytes = std::fs::metadata(&self.path).map_or(0, |log| log.len());
        if bytes >= LARGE {
            self.reported = Some(Instant::now());
            tracing::warn!(
                log = %self.path.display(),
                bytes,
                "the write-ahead log is large: SQLite cannot shorten it while another program reads the file in \
                 one long transaction"
            );
        }
    }
}
