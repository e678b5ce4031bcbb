//! The embedded durable store: a file, for one process.

mod alone;
mod batch;
mod builder;
mod clock;
mod database;
mod lend;
mod lendable;
mod lock;
mod operation;
mod reader;
mod record;
mod schema;
mod transactions;
mod writer;

pub use builder::SqliteStoreBuilder;

use super::dead_letters::{Cursor, DeadLetter, DeadLetterStore, DeadRecord};
use super::transactions::Transactions;
use super::{Claim, Claimed, End, Held, Status, Store, StoreError, Token};
use crate::delivery::Key;
use async_trait::async_trait;
use clock::Clock;
use operation::{Begin, Operation, Reply};
use reader::Reader;
use record::Now;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Remembers events in a SQLite file, for one process.
///
/// Nothing has to be installed or run: SQLite is compiled in. This is the store for one machine.
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
/// # What it survives
///
/// - **A restart, a crash, `kill -9`**: an event that was handled or set aside stays so. One that was being handled can
///   be claimed at once when the file is opened again, under a greater token and as the next attempt: who ran it is gone
///   with its process.
/// - **Power loss**: every answer is given after a commit that has reached the disk (a write-ahead log,
///   `synchronous=FULL`, and `fullfsync` on macOS). It relies on the file system and the drive to keep what they have
///   said is written, and on SQLite's recovery of its log.
/// - **A full disk, a disk that fails for a while**: deliveries are answered `503` meanwhile, and it goes on by itself
///   afterwards.
/// - **A clock that is set**: while the file is open, time is monotonic. Across a restart the system's clock counts: if it
///   was moved, events are kept that much longer or shorter.
///
/// It does not survive that the file is lost, or replaced or deleted while it is open. It is not for network file
/// systems.
///
/// # One process
///
/// A second store on the same file is refused while the first lives, in this process or another: it would take what
/// the first one runs for left behind by a crash. Opening waits up to 2 seconds for the one before to end. The lock is
/// the operating system's, on the file's name with `.lock` appended. Do not hard-link the file.
///
/// # Cost
///
/// A claim and a finish are each part of one commit, which is one write to the disk for all operations that are waiting at
/// that moment, up to 512: the more deliveries at once, the cheaper each. One task does all the writing, in the tokio
/// runtime that the store was opened in, and ends with it. Opening reads all records once, for those that were left running.
///
/// # What it writes
///
/// Four tables whose names start with `apideck_hooks_`: `records` and `aliases` (about 150 bytes an event with both
/// keys), `dead_letters` (with bodies, which may hold end-user credentials) and `meta` (the version of the tables, which
/// are brought up to date when a file is opened; a file of a later release is refused). Other tables in the file are left
/// alone, and other programs may read it at any time, for a backup too; if one writes, it must be brief. On Unix a new file can
/// be read by its owner alone.
///
/// Records are deleted once their [retention](SqliteStoreBuilder::retention) is over, dead letters included, never
/// while they run. Deleted contents are overwritten in the file; a copy may be left for a while in the write-ahead log.
///
/// # Dead letters
///
/// A body over [the limit](SqliteStoreBuilder::dead_letter_body_limit) is not kept. One list has at most 1,000 letters and ends
/// early, after at least one, once their bodies come to 16 MiB: go on until a list is empty.
pub struct SqliteStore {
    queue: mpsc::Sender<Operation>,
    begins: mpsc::Sender<Begin>,
    reader: Reader,
    clock: Clock,
    boot: i64,
    /// Milliseconds.
    retention: i64,
    /// Bytes.
    body_limit: usize,
    path: PathBuf,
}

impl SqliteStore {
    fn now(&self) -> Now {
        Now {
            at: self.clock.now(),
            boot: self.boot,
            retention: self.retention,
        }
    }

    /// Has the writer do something. A caller that is dropped meanwhile leaves it done or not, never half-way.
    async fn ask<T>(&self, operation: impl FnOnce(Reply<T>) -> Operation) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(operation(reply)).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> StoreError {
        StoreError::new(format!(
            "{}: the runtime that the store was opened in has ended; open it in the one that uses it",
            self.path.display()
        ))
    }

    /// The end, its letter cut to what is kept.
    fn fit(&self, end: End) -> End {
        let End::Dead(letter) = end else { return end };
        let mut letter = letter.fit(self.body_limit);
        for text in [&mut letter.source, &mut letter.event_type, &mut letter.event_id] {
            text.truncate(text.floor_char_boundary(DeadLetter::MAX_ERROR));
        }
        End::Dead(letter)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.ask(|reply| Operation::Claim(claim, reply)).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.ask(|reply| Operation::Renew(record, token, lease, reply))
            .await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        let end = self.fit(end);
        self.ask(|reply| Operation::Finish(record, token, end, reply))
            .await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.reader.status(record, &self.now()).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }
}

#[async_trait]
impl DeadLetterStore for SqliteStore {
    async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        self.reader.letters(before, limit, &self.now()).await
    }

    async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        self.reader.letter(record, &self.now()).await
    }

    async fn release(&self, record: Key) -> Result<bool, StoreError> {
        self.ask(|reply| Operation::Release(record, reply)).await
    }

    async fn purge(&self, record: Key) -> Result<bool, StoreError> {
        self.ask(|reply| Operation::Purge(record, reply)).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
