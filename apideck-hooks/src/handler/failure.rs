//! Errors of handlers, and the decision between a retry and a dead letter.

use std::error::Error;
use std::fmt;
use std::time::Duration;

type BoxError = Box<dyn Error + Send + Sync>;

/// A handler's error, and the decision between a retry and a dead letter.
///
/// `?` makes a `Failure` from any error: a `std::error::Error`, an `anyhow::Error` or a string.
/// Apideck's next retry then runs the handler again. Wrap the error in [`Permanent`] if a retry
/// cannot succeed. Use [`retry_after`](Failure::retry_after) for a later retry.
///
/// The error's text goes to the log and the store, and never into the response to Apideck.
///
/// ```
/// use apideck_hooks::{Failure, Permanent};
///
/// fn quota(text: &str) -> Result<u32, Failure> {
///     let quota: u32 = text.parse().map_err(Permanent)?; // a retry reads the same text
///     std::fs::metadata("/")?;                           // a retry can succeed
///     Ok(quota)
/// }
/// assert!(quota("many").unwrap_err().is_permanent());
/// ```
#[must_use = "a failure has an effect only if the handler returns it: write `return Err(failure)`"]
pub struct Failure {
    permanent: bool,
    retry_after: Option<Duration>,
    error: BoxError,
}

impl Failure {
    /// Makes a failure that lets the next delivery of the event run the handler again.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self {
            permanent: false,
            retry_after: None,
            error: error.into(),
        }
    }

    /// Makes a failure after which the event rests for at least this long.
    ///
    /// The rest is counted from the end of the run, and is at most
    /// [`max_retry_after`](crate::HooksBuilder::max_retry_after). Deliveries that come earlier are
    /// answered `503` and run nothing. One that can be the event's last leaves a dead letter, if
    /// the store keeps them. [`Hooks::end_rest`](crate::Hooks::end_rest) ends the rest.
    ///
    /// The response is `503` with the time in `Retry-After`, rounded up to whole seconds from 1 to
    /// 60. Apideck does not document the effect of that header.
    pub fn retry_after(after: Duration, error: impl Into<BoxError>) -> Self {
        Self {
            permanent: false,
            retry_after: Some(after),
            error: error.into(),
        }
    }

    /// Makes a failure that dead-letters the event at once.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self {
            permanent: true,
            retry_after: None,
            error: error.into(),
        }
    }

    /// Returns `true` if the failure dead-letters the event.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Returns the rest that the handler asked for, if it did.
    pub fn delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the error that the failure was made from.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }
}

/// Writes the error and its sources in one line, separated by `: `.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut source = self.error.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("permanent", &self.permanent)
            .field("retry_after", &self.retry_after)
            .field("error", &self.error)
            .finish()
    }
}

impl<E: Into<BoxError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::retry(error)
    }
}

/// An error that a retry cannot resolve: the event is dead-lettered at once.
///
/// A durable store keeps the event for [`Hooks::dead_letters`](crate::Hooks::dead_letters). Without
/// one the response is `422`, and Apideck may send the event again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a permanent error has an effect only if the handler returns it: write `return Err(error.into())`"]
pub struct Permanent<E>(pub E);

impl<E: Into<BoxError>> From<Permanent<E>> for Failure {
    fn from(Permanent(error): Permanent<E>) -> Self {
        Self::permanent(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::fmt::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn shows_the_chain_once() {
        let failure = Failure::from(Outer(fmt::Error));
        assert_eq!(failure.to_string(), format!("outer: {}", fmt::Error));
        assert!(!failure.is_permanent());
    }
}
