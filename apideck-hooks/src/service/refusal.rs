//! The refusals of HTTP, before there is an event.

/// A request that was refused before its event was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// The method is not `POST`.
    Method,
    /// The body is over the limit.
    TooLarge,
    /// The body did not arrive before its deadline.
    TooSlow,
    /// The body ended early.
    Incomplete,
    /// The signature is missing or does not match.
    Unauthorized,
    /// An unsigned header names another event than the signed body.
    Contradiction,
}
