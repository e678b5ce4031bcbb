//! One handler of a list.

use crate::handler::Handler;

/// A handler in `router![…]`.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The handler's path, as the user wrote it.
    pub name: &'static str,
    /// The handler's events, and the transaction that it takes.
    pub handler: Handler,
}
