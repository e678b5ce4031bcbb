//! What `router![…]` implements.

use super::plan::Plan;
use crate::handler::{Incoming, Run};

/// Starts a handler.
pub(crate) type Start<S> = for<'a> fn(&'a mut Incoming, &'a S) -> Run<'a>;

/// The start of each handler, by its position in the plan.
pub type Runs<S> = [Start<S>];

/// A list of handlers, made by [`router!`](crate::router!), that can run under the state `S`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of handlers for the state `{S}`",
    note = "make the list with `router![…]`"
)]
pub trait Routes<S>: Send + Sync + 'static {
    #[doc(hidden)]
    fn plan(&self) -> &'static Plan;

    #[doc(hidden)]
    fn runs(&self) -> &Runs<S>;
}
