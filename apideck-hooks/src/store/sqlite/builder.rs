//! Opening the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::SqliteStore;
use super::batch::Terms;
use super::database::{Database, resolve};
use super::lock::Lock;
use super::log::Log;
use super::progress::Advance;
use super::reader::Reader;
use super::schema;
use super::writer::{QUEUE, Writer};
use crate::store::StoreError;
use crate::store::losses::Unfinished;

/// Time between two sweeps: a tenth of the retention within these bounds.
const SWEEP_EVERY: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];

/// Opens a [`SqliteStore`] with other settings than the defaults.
#[derive(Clone, Debug)]
#[must_use = "a builder opens nothing before `open`"]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    retention: Duration,
    max_dead_letters: u64,
    tx_limit: Duration,
    any_file_system: bool,
}

impl SqliteStore {
    /// Opens a file, or creates it in an existing directory. [`SqliteStore::builder`] has settings.
    ///
    /// # Errors
    ///
    /// The file is open in another store, is damaged, is not a database, has tables of another
    /// version, is on a network file system, or cannot be read and written. The error says what to
    /// do.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// Makes a builder with the default settings.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder {
            path: path.as_ref().to_owned(),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            max_dead_letters: 100_000,
            tx_limit: Duration::from_secs(4),
            any_file_system: false,
        }
    }
}

impl SqliteStoreBuilder {
    /// Sets how long a record is kept after its last change. The default is 7 days.
    ///
    /// Choose more than 28 hours. Apideck's retries can take 27 hours and 48 minutes (source: the
    /// pauses of the webhook guide, which also says "within 24 hours"). With a shorter retention,
    /// an event can run again. Dead letters are kept until they are handled or purged.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the limit of dead letters of each source. The default is 100,000.
    ///
    /// An event that has no room is answered `503` and not acknowledged, so Apideck sends it again.
    pub fn max_dead_letters(mut self, letters: u64) -> Self {
        self.max_dead_letters = letters;
        self
    }

    /// Sets the time limit of a handler's transaction. The default is 4 seconds.
    ///
    /// Nothing else is written to the file during a transaction, so claims of other events wait up
    /// to this long. A longer transaction is rolled back, and its handler has failed.
    ///
    /// If a handler takes a `Tx`, [`build`](crate::HooksBuilder::build) refuses a limit that is not
    /// below [`store_timeout`](crate::HooksBuilder::store_timeout). That is at most half the lease.
    pub fn tx_limit(mut self, limit: Duration) -> Self {
        self.tx_limit = limit;
        self
    }

    /// Allows a network file system or an unknown one.
    ///
    /// The store then locks a file beside the database, with `.lock` appended to its name. It
    /// cannot notice that another machine or another process uses the database under another name.
    /// Both would run the same events, and damage the file. The default allows local file systems
    /// only. On systems other than Linux, the lock is always beside the database, and this has no
    /// effect.
    pub fn any_file_system(mut self) -> Self {
        self.any_file_system = true;
        self
    }

    /// Opens the store. It works in the tokio runtime of this call.
    ///
    /// # Errors
    ///
    /// As for [`SqliteStore::open`].
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let path = resolve(&self.path)?;
        let lock = Lock::acquire(&path, self.any_file_system).await;
        let lock = lock.map_err(StoreError::new)?;
        let database = Database::new(path, lock.id().clone());
        let opened = async {
            let mut connection = database.writer().await?;
            let boot = schema::open(&mut connection).await?;
            Ok((connection, boot))
        };
        let opened = opened.await;
        let (connection, boot) = opened.map_err(|failed| StoreError::new(database.explain(&failed)))?;
        let terms = Terms {
            boot,
            retention: self.retention,
            max_dead_letters: self.max_dead_letters,
        };
        let (operations, waiting) = mpsc::channel(QUEUE);
        let (begins, handlers) = mpsc::channel(QUEUE);
        let [least, most] = SWEEP_EVERY;
        let [reader, letters] = [(); 2].map(|()| Arc::new(Reader::new(database.clone())));
        let unfinished = Arc::<Unfinished>::default();
        let writer = Writer {
            operations: waiting,
            begins: handlers,
            log: Log::new(&database),
            database: database.clone(),
            connection: Some(connection),
            readers: [Arc::clone(&reader), Arc::clone(&letters)],
            terms,
            unfinished: Arc::clone(&unfinished),
            tx_limit: self.tx_limit,
            sweep_every: (self.retention / 10).clamp(least, most),
            lock,
        };
        tokio::spawn(writer.run());
        Ok(SqliteStore {
            operations,
            begins,
            path: database.path().to_owned(),
            reader,
            letters,
            terms,
            tx_limit: self.tx_limit,
            progress: Advance::new(super::now()),
            unfinished,
        })
    }
}
