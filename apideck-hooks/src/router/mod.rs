//! Which handler an event has: planned by the compiler, a table look-up at run time.
//!
//! An exact name beats a pattern, a longer pattern a shorter one. What is left over is acknowledged.

mod dispatch;
mod fault;
mod faults;
mod plan;
mod routes;
mod selector;

pub use dispatch::{Both, Dispatch, Nobody, One};
pub use faults::{Claims, check_claims, check_gap};
pub use plan::Plan;
pub use routes::Routes;
pub use selector::{Entry, Selector};

pub(crate) use fault::Fault;
