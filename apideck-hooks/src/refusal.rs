//! The reasons for which a request is answered before its handler is looked for.

use std::fmt;

/// The reason for which a request did not get a [`Disposition`](crate::Disposition).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The method is not `POST`. Answered `405`.
    WrongMethod,
    /// The signature is missing or does not match. Answered `401`.
    Unauthorized,
    /// The body is longer than the limit of the receiver or of a layer around it. Answered `413`.
    TooLarge,
    /// The body did not arrive before its deadline. Answered `408`.
    TooSlow,
    /// The body was cut, because the bodies that are being received took too much memory. Answered
    /// `503`.
    OverBudget,
    /// The body ended early. Answered `400`.
    Incomplete,
    /// An unsigned header names another event than the signed body. Answered `400`.
    Contradiction,
    /// The client left before its answer. A run that has begun goes on.
    Abandoned,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::WrongMethod,
        Self::Unauthorized,
        Self::TooLarge,
        Self::TooSlow,
        Self::OverBudget,
        Self::Incomplete,
        Self::Contradiction,
        Self::Abandoned,
    ];

    /// Returns a short name for logs and metrics, such as `unauthorized` or `too_large`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongMethod => "wrong_method",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::OverBudget => "over_budget",
            Self::Incomplete => "incomplete",
            Self::Contradiction => "contradiction",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Writes the name.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
