//! Opening the store.

use super::SqliteStore;
use super::clock::{Clock, millis};
use super::database::Database;
use super::lock::Lock;
use super::reader::Reader;
use super::schema;
use super::writer::{QUEUE, Writer};
use crate::store::StoreError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// Opens a [`SqliteStore`] with limits of your own.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `open`"]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    retention: Duration,
    body_limit: usize,
}

/// Between two looks of the sweeper, at the most and at the least; it looks ten times a retention if that is between.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const SWEEP_FLOOR: Duration = Duration::from_millis(100);
/// SQLite keeps no more in one row than a billion bytes.
const LARGEST_BODY: usize = 512 * 1024 * 1024;

impl SqliteStore {
    /// Opens the file, or makes it; its directory must exist. [`SqliteStore::builder`] sets limits.
    ///
    /// # Errors
    ///
    /// The file is open in another store, damaged, no database, written by a later release, or cannot be read and written.
    /// The error says what to do.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// A store with limits of your own.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(path.as_ref())
    }
}

impl SqliteStoreBuilder {
    fn new(path: &Path) -> Self {
        SqliteStoreBuilder {
            path: path.to_owned(),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            body_limit: 1024 * 1024,
        }
    }

    /// How long it remembers an event after it was last changed, dead letters included; 7 days by default. Apideck's own
    /// retries end after 24 hours: with less than that, an event can be handled again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// The largest body that is kept of an event that is set aside, in bytes; 1 MiB by default, at most 512 MiB.
    pub fn dead_letter_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes.min(LARGEST_BODY);
        self
    }

    /// The store. It lives in the tokio runtime that this is called in.
    ///
    /// # Errors
    ///
    /// As for [`SqliteStore::open`].
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let database = Database::at(&self.path)?;
        let lock = Lock::of(database.path()).await.map_err(StoreError::new)?;
        database.create()?;
        let clock = Clock::new();
        let opened = async {
            let mut connection = database.writer().await?;
            let boot = schema::open(&mut connection, clock.now()).await?;
            Ok((connection, boot))
        };
        let (connection, boot) = opened
            .await
            .map_err(|failed| StoreError::new(database.explain(&failed)))?;
        let retention = millis(self.retention);
        let (queue, operations) = mpsc::channel(QUEUE);
        let (begins, asked) = mpsc::channel(QUEUE);
        let writer = Writer {
            queue: operations,
            begins: asked,
            database: database.clone(),
            connection: Some(connection),
            clock,
            boot,
            retention,
            sweep_every: (self.retention / 10).clamp(SWEEP_FLOOR, SWEEP_EVERY),
            floor: 0,
            lock,
        };
        tokio::spawn(writer.run());
        Ok(SqliteStore {
            queue,
            begins,
            path: database.path().to_owned(),
            reader: Reader::new(database),
            clock,
            boot,
            retention,
            body_limit: self.body_limit,
        })
    }
}
