//! The stores, which remember events, and the trait that all of them implement.
//!
//! To write a store of your own, implement [`Store`] and run the suite of `testing::conformance`
//! (feature `testing`) against it.
//!
#![cfg_attr(feature = "full", doc = include_str!("which_store.md"))]

#[cfg(feature = "sqlite")]
mod accepted_record;
mod contract;
mod cursor;
mod dead_letter;
mod dead_letters;
mod error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod handler_connection;
mod inbox_store;
mod into_store;
mod letter_filter;
mod losses;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod savepoints;
#[cfg(feature = "sqlite")]
mod sqlite;
mod transactions;
mod values;

pub use crate::delivery::{Context, ContextTooLarge, Key, ParseKeyError};
pub use contract::Store;
pub use cursor::{Cursor, ParseCursorError};
pub use dead_letter::{DeadLetter, DeadRecord};
pub use dead_letters::{DeadLetterStore, Purged};
pub use error::StoreError;
pub use inbox_store::{
    AcceptVerdict, Acceptance, Accepted, Backlog, Fetch, Fetched, InboxStats, InboxStore, Pause, Recovered,
    WaitingEvent, WaitingOfEvent, WaitingRecord,
};
pub use into_store::IntoStore;
pub use letter_filter::LetterFilter;
pub use losses::Losses;
pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};
pub use transactions::Transactions;
pub use values::{
    Claim, ClaimId, Claimed, End, Grant, Held, LastDelivery, MAX_INTERRUPTED, RecordState, Rests, Status,
    Token, Verdict,
};

pub(crate) use contract::Internal;
#[cfg(all(feature = "testing", any(feature = "postgres", feature = "sqlite")))]
pub(crate) use handler_connection::HandlerConnection;
pub(crate) use transactions::{AnyTx, Begun, Committed, Ending};
