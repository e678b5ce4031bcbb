//! Refusals of requests, before their events are known.

use std::error::Error;

use http_body_util::LengthLimitError;

/// A request that was refused before its event was known.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The method is not `POST`.
    Method,
    /// The body is longer than the limit of the receiver or of a layer around it.
    TooLarge,
    /// The body did not arrive before its deadline.
    TooSlow,
    /// The body was cut, because the bodies that are being read took too much memory.
    OverBudget,
    /// The body ended early, with this error.
    Incomplete(Box<dyn Error + Send + Sync>),
    /// The signature is missing or does not match.
    Unauthorized,
    /// An unsigned header names another event than the signed body.
    Contradiction,
}

impl Refusal {
    /// The refusal of a body that ended with this error. A layer that limits the body ends it with
    /// a `LengthLimitError`.
    pub(super) fn of_body(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let error = error.into();
        let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
        while let Some(at) = cause {
            if at.is::<LengthLimitError>() {
                return Self::TooLarge;
            }
            cause = at.source();
        }
        Self::Incomplete(error)
    }
}
