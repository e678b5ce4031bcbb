//! Each event once: claim it, run the handler under a lease, record how it ended.

mod dead_letters;
mod finish;
mod guard;
mod lease;
mod memory;
mod panic;
mod run;
mod store;
mod twins;

pub use dead_letters::{DeadLetter, DeadLetters, DeadRecord};
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use store::{Claim, Claimed, End, Held, MAX_ALIASES, Status, Store, StoreError, Token, Verdict};

pub(crate) use run::{Job, Runner};
