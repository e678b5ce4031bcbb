//! What should happen next, as a handler says it.

use super::Failure;

/// What should happen to the event.
///
/// Most handlers return `()` or `Result<(), E>`; this is for those that want to say more.
///
/// ```
/// use apideck_hooks::{Outcome, events::ConnectionUpdated, on};
///
/// #[on("vault.connection.updated")]
/// async fn updated(event: ConnectionUpdated) -> Outcome {
///     match event.entity.consumer_id.as_str() {
///         "internal" => Outcome::Ignore,
///         "" => Outcome::DeadLetter("no consumer".into()),
///         _ => Outcome::Done,
///     }
/// }
/// # updated(ConnectionUpdated::new(Default::default()));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Handled: remembered, and acknowledged.
    Done,
    /// Of no interest: remembered, and acknowledged.
    Ignore,
    /// Not handled: released, and to be sent again. If the failure says when, Apideck is asked to come back then.
    Retry(Failure),
    /// Not to be handled: kept by a durable store for a person to look at, and acknowledged. A store that is not
    /// durable cannot keep it, so the answer is `422` there.
    DeadLetter(Failure),
}

impl Outcome {
    /// Whether the event is settled well: handled or ignored.
    pub fn is_ok(&self) -> bool {
        matches!(self, Outcome::Done | Outcome::Ignore)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        if failure.is_permanent() {
            Outcome::DeadLetter(failure)
        } else {
            Outcome::Retry(failure)
        }
    }
}

/// What a handler may return: `()`, [`Outcome`], or a `Result` of either with any error.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not a handler's return type",
    note = "return `()`, `Outcome`, or `Result<(), E>` where `E` is an error (`std::error::Error`, `anyhow::Error`, `Failure`)"
)]
pub trait IntoOutcome {
    /// What should happen.
    fn into_outcome(self) -> Outcome;
}

#[diagnostic::do_not_recommend]
impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Outcome::Done
    }
}

#[diagnostic::do_not_recommend]
impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl<T: IntoOutcome, E: IntoFailure> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(value) => value.into_outcome(),
            Err(error) => error.into_failure().into(),
        }
    }
}

/// `Into<Failure>`, with words of its own for what is no error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot return the error `{Self}`",
    label = "`{Self}` is no error",
    note = "implement `std::error::Error` for `{Self}`, or `From<{Self}>` for `Failure`"
)]
pub trait IntoFailure {
    fn into_failure(self) -> Failure;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Failure>> IntoFailure for E {
    fn into_failure(self) -> Failure {
        self.into()
    }
}
