//! The state of a receiver without one.

/// The [`FromDelivery::State`](crate::FromDelivery::State) of a parameter that needs no state, and
/// the state of a receiver without one.
// Not `Clone`, because it would be a part of itself by two impls.
#[derive(Debug)]
pub struct NoState;
