//! The embedded durable store: a file, for one process.

mod batch;
mod builder;
mod candidate;
mod database;
mod dead_letters;
#[cfg(target_os = "linux")]
mod file_system;
mod handler_transaction;
mod inbox;
mod inbox_batch;
mod json;
mod lock;
mod log;
mod operation;
mod pauses;
mod progress;
mod reader;
mod row;
mod save;
mod schema;
mod sweeper;
mod transactions;
mod wanted;
mod writer;
mod writing_connection;

pub use builder::SqliteStoreBuilder;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::losses::{Losses, Unfinished};
use super::transactions::Transactions;
use super::{Claim, Claimed, DeadLetterStore, End, Grant, Held, InboxStore, Status, Store, StoreError};
use crate::delivery::Key;
use batch::{Batch, Terms};
use handler_transaction::Begin;
use operation::{Operation, TypedOperation};
use progress::Advance;
use reader::Reader;
use wanted::Wanted;

/// Remembers events in a SQLite file, for one process.
///
/// Nothing has to be installed or run, because SQLite is compiled in. This is the store for one
/// machine.
///
/// ```no_run
/// use apideck_hooks::{Hooks, SqliteStore, events::*, on, router};
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable) { /* … */ }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hooks = Hooks::builder(router![start_sync, ..])
///     .secret(std::env::var("APIDECK_API_KEY")?)
///     .store(SqliteStore::open("hooks.db").await?)
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Durability
///
/// - **A restart, a crash, `kill -9`**: a settled event stays settled. An event whose handler was
///   running can be claimed after its rest, under a greater token and as the next attempt. Its
///   lease is not waited for, because its process has ended.
/// - **Power loss**: each answer comes after a commit that has reached the disk (a write-ahead log,
///   `synchronous=FULL`, and `fullfsync` on macOS). This relies on a file system and a drive that
///   keep what they have confirmed.
/// - **A full or failing disk**: deliveries are answered `503` meanwhile. The store recovers by
///   itself.
/// - **A changed clock**: set back, an event waits for the length of its lease or rest from its
///   next delivery on. A clock that jumps ahead ends leases, rests and retentions early.
///
/// A lost file loses its events. A file that was deleted, moved or replaced while it is open is
/// noticed before the next commit, and deliveries are answered `503` until the file is back or the
/// process is started again.
///
/// # One process
///
/// A second store on the same file is refused while the first lives, in this process and in every
/// other. Two stores would each take the other's running events for those of a crashed process.
/// Opening waits up to 2 seconds for an earlier store to end.
///
/// On Linux the lock is `flock` on the database file, so it holds under every name of the file: a
/// hard link, a symbolic link or another mount. The file must be on a local file system, unless
/// [`any_file_system`](SqliteStoreBuilder::any_file_system) says otherwise. The process keeps a
/// descriptor of the file open until it ends, or until the file is deleted. On other systems the
/// lock is on a file beside the database, with `.lock` appended to its name. Do not hard-link the
/// database there.
///
/// # Cost
///
/// A claim and a finish are each part of a commit. One commit writes all operations that wait at
/// that moment, so many deliveries at once cost little more than one. One task writes. It runs in
/// the tokio runtime in which the store was opened, and ends with it. Duplicates of settled events
/// are read on another connection and never wait for that task.
///
/// # Contents of the file
///
/// The store has four tables whose names start with `apideck_hooks_`: `records` with the dead
/// letters and the accepted events (about 200 bytes for an event without a body), `aliases`,
/// `pauses`, and `meta` with the version of the tables. A file of an unknown version is refused.
/// The bodies of dead letters and accepted events may hold end-user credentials. On Unix only the
/// owner can read a new file.
///
/// Other tables in the file are left as they are, so [`Tx<Sqlite>`](crate::Tx) can write to them.
/// Other programs may read the file at any time, also for a backup, and may write for a moment. A
/// program that reads for a long time in one transaction makes the write-ahead log grow. The store
/// warns of a log over 128 MiB.
///
/// Records are deleted after their [retention](SqliteStoreBuilder::retention). Deleted contents are
/// overwritten in the file. A copy can stay in the write-ahead log for a while.
///
/// # Dead letters
///
/// A dead letter stays until its event is handled or it is purged. A page of the list has at most
/// 1,000 letters, and ends early with the letter whose body reaches 16 MiB in total.
pub struct SqliteStore {
    operations: mpsc::Sender<Box<dyn Operation>>,
    begins: mpsc::Sender<Begin>,
    /// Reads for claims, which lists of dead letters must not hold up.
    reader: Arc<Reader>,
    /// Reads dead letters.
    letters: Arc<Reader>,
    terms: Terms,
    tx_limit: Duration,
    path: PathBuf,
    progress: Advance,
    unfinished: Arc<Unfinished>,
}

impl SqliteStore {
    /// Has the writer do an operation. If the caller is dropped, it is done or not, never half.
    async fn change<T: Send + 'static>(
        &self,
        wanted: Wanted,
        decide: impl Fn(&mut Batch) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = TypedOperation {
            wanted,
            decide,
            decision: None,
            reply,
        };
        self.operations
            .send(Box::new(job))
            .await
            .map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> StoreError {
        StoreError::new(format!(
            "{}: the runtime in which the store was opened has ended; open the store in the runtime that uses it",
            self.path.display()
        ))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        // If it fails, the writer finds out for itself.
        if let Ok(Some(claimed)) = self.reader.claim(&claim, self.terms).await {
            return Ok(claimed);
        }
        let wanted = Wanted::of_claim(&claim);
        self.change(wanted, move |batch| batch.claim(&claim)).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        let wanted = Wanted::of_record(grant.record);
        self.change(wanted, move |batch| batch.renew(&grant, lease)).await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        let letters_of = match &end {
            End::Dead { letter, .. } => Some(letter.source.clone()),
            _ => None,
        };
        let wanted = Wanted {
            letters_of,
            ..Wanted::of_record(grant.record)
        };
        let held = self.change(wanted, move |batch| batch.finish(&grant, &end)).await;
        // The lane of an accepted event is free.
        self.progress.tell();
        held
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.reader.status(record, self.terms).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        let wanted = Wanted::of_record(record);
        let ended = self.change(wanted, move |batch| batch.end_rest(record)).await;
        // An accepted event is due now.
        self.progress.tell();
        ended
    }

    fn losses(&self) -> Losses {
        self.unfinished.losses()
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }

    fn inbox(&self) -> Option<&dyn InboxStore> {
        Some(self)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A time as the tables have it.
fn signed(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// Reads the store's clock: the system's, in microseconds since the start of 1970.
fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    super::record::micros(since_1970)
}
