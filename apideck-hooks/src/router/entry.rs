//! One handler of a list.

use crate::handler::Handler;

/// A handler in `router![…]`.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its path, as it was written.
    pub name: &'static str,
    /// What it is for.
    pub handler: Handler,
}
