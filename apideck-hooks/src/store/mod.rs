//! Where events are remembered: which store to take, and the trait behind every store, for writing one's own.
//!
#![cfg_attr(feature = "full", doc = include_str!("which_store.md"))]

mod contract;
mod dead_letters;
mod error;
mod into_store;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod loan;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod savepoints;
#[cfg(feature = "sqlite")]
mod sqlite;
mod transactions;
mod values;

pub use crate::delivery::Key;
pub use contract::Store;
pub use dead_letters::{Cursor, DeadLetter, DeadLetterStore, DeadRecord};
pub use error::StoreError;
pub use into_store::IntoStore;
pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "postgres")]
pub use postgres::{InvalidName, PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};
pub use transactions::Transactions;
pub use values::{Claim, Claimed, End, Held, MAX_ALIASES, Status, Token, Verdict};

pub(crate) use transactions::{AnyTx, Begun, Committed, Open};
