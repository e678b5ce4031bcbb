//! What `#[on]` implements for a handler.

use super::{Incoming, Outcome};
use crate::router::Selector;
use std::future::Future;

/// The events of a handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not a handler",
    note = "annotate the function with `#[on(\"…\")]`"
)]
pub trait Listed {
    /// What it is for.
    const ON: &'static [Selector];

    /// The database whose transaction it takes, if it takes one.
    const TRANSACTION: Option<&'static str>;
}

/// A handler that can run under the state `S`.
// Not a subtrait of `Listed`: a type that is neither would be an error twice.
pub trait Handle<S> {
    /// Runs it.
    fn call(incoming: &mut Incoming, state: &S) -> impl Future<Output = Outcome> + Send;
}
