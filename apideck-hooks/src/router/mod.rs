//! Which handler an event has: planned by the compiler, a table look-up at run time.
//!
//! An exact name beats a pattern, a longer pattern a shorter one. What is left over is acknowledged.

mod entry;
mod faults;
mod plan;
mod routes;

pub use entry::Entry;
pub use faults::{FirstHandlers, check_conflict, check_gap};
pub use plan::Plan;
pub use routes::{Routes, Runs};

pub(crate) use routes::Start;
