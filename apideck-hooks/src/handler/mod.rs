//! Handlers: their parameters, their return types, and the items that generated code uses.

mod check;
mod extract;
mod failure;
mod fault;
mod from_delivery;
mod handle;
mod no_state;
mod outcome;
mod selector;
mod state;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod tx;

pub use check::{
    BROKEN, Handler, Parameter, check_parameter, handles, handles_event, inline, with_first_parameter,
    with_parameter,
};
pub use extract::Extract;
pub use failure::{Failure, Permanent};
pub use from_delivery::{FromDelivery, Incoming};
pub use handle::{Annotated, Handle, Run, run, run_nothing};
pub use no_state::NoState;
pub use outcome::{IntoOutcome, Outcome};
pub use selector::Selector;
pub use state::{FromRef, State};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use tx::{Transactional, Tx};

pub(crate) use check::{Needs, Payload};
pub(crate) use extract::Arguments;
pub(crate) use fault::Fault;
pub(crate) use from_delivery::{Attempt, Source};
