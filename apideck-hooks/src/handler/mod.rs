//! Handlers: what they take, what they return, and the traits that `#[on]` writes against.

mod check;
mod failure;
mod from_delivery;
mod handle;
mod outcome;
mod state;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod tx;

pub use check::{check_param, one_transaction};
pub use failure::{Failure, Permanent};
pub use from_delivery::{Extract, FromDelivery, Incoming};
pub use handle::{Handle, Listed};
pub use outcome::{IntoOutcome, Outcome};
pub use state::{FromRef, NoState, State};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use tx::{Transactional, Tx};

pub(crate) use check::{Needs, Payload};
pub(crate) use from_delivery::Lent;
