//! Each event once: claim it, run the handler under a lease, record how it ended.

mod dead_letters;
mod finish;
mod guard;
#[cfg(all(test, apideck_hooks_loom))]
mod interleavings;
mod lease;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod loan;
mod memory;
mod panic;
mod places;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod run;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod savepoints;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod sync;
mod transact;
mod transactions;
mod twins;

pub use dead_letters::{Cursor, DeadLetter, DeadLetters, DeadRecord};
pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "postgres")]
pub use postgres::{InvalidName, PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};
pub use store::{Claim, Claimed, End, Held, MAX_ALIASES, Status, Store, StoreError, Token, Verdict};
pub use transactions::Transactions;

pub(crate) use run::{Job, Runner};
