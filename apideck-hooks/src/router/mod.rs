//! Which handler an event has: planned by the compiler, a table look-up at run time.
//!
//! An exact name beats a pattern, a longer pattern a shorter one. What is left over is acknowledged.

mod fault;
mod faults;
mod plan;
mod routes;
mod selector;

pub use faults::{Claims, check_claims, check_gap};
pub use plan::Plan;
pub use routes::{Routes, Runs};
pub use selector::{Entry, Selector};

pub(crate) use fault::Fault;
