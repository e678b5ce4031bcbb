//! The handler of each event: planned by the compiler, and looked up in a table at run time.
//!
//! An exact name beats a pattern, and a longer pattern beats a shorter one. An event without a
//! handler is acknowledged.

mod entry;
mod faults;
mod plan;
mod routes;

pub use entry::Entry;
pub use faults::{FirstHandlers, check_conflict, check_gap};
pub use plan::Plan;
pub use routes::{Routes, Runs};

pub(crate) use routes::Start;
