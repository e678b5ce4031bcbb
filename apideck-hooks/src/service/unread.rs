//! Bodies that were not received.

use std::error::Error;

use http_body_util::LengthLimitError;

use crate::refusal::Refusal;

/// The reason for which a body was not received.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is longer than the limit of the receiver or of a layer around it.
    TooLarge,
    /// It did not arrive before its deadline.
    TooSlow,
    /// It was cut, because the bodies that are being read took too much memory.
    OverBudget,
    /// It ended early, with this error.
    Incomplete(Box<dyn Error + Send + Sync>),
}

impl Unread {
    /// The reason for a body that ended with this error. A layer that limits the body ends it with
    /// a `LengthLimitError`.
    pub(super) fn of_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
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

    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::TooLarge => Refusal::TooLarge,
            Self::TooSlow => Refusal::TooSlow,
            Self::OverBudget => Refusal::OverBudget,
            Self::Incomplete(_) => Refusal::Incomplete,
        }
    }
}
