//! The outcomes of a handler, and the return types that turn into one.

use super::Failure;

/// The outcome of a handler for its event.
///
/// Most handlers return `()` or `Result<(), E>`. Return an `Outcome` to ignore or dead-letter an
/// event.
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
#[must_use = "an outcome has an effect only if the handler returns it: write `return outcome`"]
#[non_exhaustive]
pub enum Outcome {
    /// The event is handled. The response is `200`, and duplicates do not run the handler again.
    Done,
    /// The event is of no interest. The response is `200`, and duplicates do not run the handler
    /// again.
    Ignore,
    /// The handler failed, and Apideck's next retry runs it again. The response is `500`, or `503`
    /// with `Retry-After` if the failure has a [`delay`](Failure::delay). The event
    /// [rests](crate::HooksBuilder::rest) until shortly before that retry.
    ///
    /// After the last of [`max_attempts`](crate::HooksBuilder::max_attempts), and after the last
    /// delivery by Apideck, the event is dead-lettered.
    Retry(Failure),
    /// The event cannot be handled. A durable store keeps it as a dead letter, and the response is
    /// `200`, or `503` if the letter has no room. A store that is not durable keeps no dead
    /// letters, so the response is `422`.
    DeadLetter(Failure),
}

impl Outcome {
    /// Returns `true` if the event is handled or ignored.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Done | Self::Ignore)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        if failure.is_permanent() {
            Self::DeadLetter(failure)
        } else {
            Self::Retry(failure)
        }
    }
}

/// A return type of handlers: `()`, [`Outcome`], or a `Result` of either with any error.
///
/// `()` is [`Outcome::Done`]. An error is converted into a [`Failure`]. It is [`Outcome::Retry`],
/// or [`Outcome::DeadLetter`] if the failure [is permanent](Failure::is_permanent).
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not a return type of a handler",
    note = "return `()`, `Outcome`, or `Result<(), E>` where `E` is an error (`std::error::Error`, `anyhow::Error`, `Failure`)"
)]
pub trait IntoOutcome {
    /// Returns the outcome.
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

/// `Into<Failure>`, with its own message for a type that is not an error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot return the error `{Self}`",
    label = "not an error of a handler",
    note = "an error is a type with `std::error::Error`, `Send` and `Sync`, or with an `impl From<{Self}> for Failure`",
    note = "for a `Box<dyn Error>` add `+ Send + Sync`, or return `Failure`"
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
