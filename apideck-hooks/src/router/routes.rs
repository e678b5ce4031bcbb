//! What `router![…]` implements.

use super::Plan;
use crate::handler::{Incoming, Outcome};
use std::future::Future;

/// A list of handlers, made by [`router!`](crate::router!), that can run under the state `S`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of handlers for the state `{S}`",
    note = "make the list with `router![…]`"
)]
pub trait Routes<S>: Send + Sync + 'static {
    #[doc(hidden)]
    fn plan(&self) -> &'static Plan;

    #[doc(hidden)]
    fn dispatch(
        &self,
        route: u16,
        incoming: &mut Incoming,
        state: &S,
    ) -> impl Future<Output = Outcome> + Send;
}
