//! The trait that `router![…]` implements.

use super::plan::Plan;
use crate::handler::{Incoming, Run};

/// The function that starts a run of a handler.
pub(crate) type Start<S> = for<'a> fn(&'a mut Incoming, &'a S) -> Run<'a>;

/// The start of each handler, by the handler's position in the list.
pub type Runs<S> = [Start<S>];

/// A list of handlers that can run under the state `S`. Only [`router!`](macro.router.html) makes
/// one.
///
/// Do not implement it. The macro writes its implementation into your crate, so the trait cannot be
/// sealed, but its methods and their types are not stable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of handlers for the state `{S}`",
    note = "list the handlers with `router![…]`"
)]
pub trait Routes<S>: Send + Sync + 'static {
    /// Returns the handler of each event.
    #[doc(hidden)]
    fn plan(&self) -> &'static Plan;

    /// Returns the start of each handler.
    #[doc(hidden)]
    fn runs(&self) -> &Runs<S>;
}
