//! Handlers: what they take, what they return, and the traits that `#[on]` writes against.

mod check;
mod extract;
mod failure;
mod fault;
mod from_delivery;
mod handle;
mod outcome;
mod parameters;
mod selector;
mod state;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod tx;

pub use check::{BROKEN, Handler, Needs, and, check_further, one, several, takes};
pub use extract::Extract;
pub use failure::{Failure, Permanent};
pub use from_delivery::{FromDelivery, Incoming};
pub use handle::{Handle, Listed, Run, run, run_nothing};
pub use outcome::{IntoOutcome, Outcome};
pub use selector::Selector;
pub use state::{FromRef, NoState, State};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use tx::{Transactional, Tx};

pub(crate) use check::Payload;
pub(crate) use extract::Arguments;
pub(crate) use fault::Fault;
pub(crate) use from_delivery::Attempt;
