//! Why a handler failed, and whether another attempt could help.

use std::error::Error;
use std::fmt;
use std::time::Duration;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a handler failed, and what should happen next.
///
/// Made by `?` from any error (`std::error::Error`, `anyhow::Error`, a string): it is tried again then. Wrap the
/// error in [`Permanent`] where another attempt cannot help, or say when to come back with
/// [`retry_after`](Failure::retry_after).
///
/// The error's text goes to the log and the store, never into the answer to Apideck.
///
/// ```
/// use apideck_hooks::{Failure, Permanent};
///
/// fn quota(text: &str) -> Result<u32, Failure> {
///     let quota: u32 = text.parse().map_err(Permanent)?; // no attempt will make this a number
///     std::fs::metadata("/")?;                           // this may work next time
///     Ok(quota)
/// }
/// assert!(quota("many").unwrap_err().is_permanent());
/// ```
pub struct Failure {
    permanent: bool,
    retry_after: Option<Duration>,
    error: BoxError,
}

impl Failure {
    /// To be tried again.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Failure {
            permanent: false,
            retry_after: None,
            error: error.into(),
        }
    }

    /// To be tried again, not before this time is over. Apideck keeps its own schedule and may come later or, as the
    /// effect of `Retry-After` on it is not documented, earlier.
    pub fn retry_after(after: Duration, error: impl Into<BoxError>) -> Self {
        Failure {
            permanent: false,
            retry_after: Some(after),
            error: error.into(),
        }
    }

    /// Never to be tried again: the event is set aside.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Failure {
            permanent: true,
            retry_after: None,
            error: error.into(),
        }
    }

    /// Whether another attempt cannot help.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// How long to wait before another attempt, if the handler said so.
    pub fn delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The error behind it.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }
}

/// The error's whole chain in one line.
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
        Failure::retry(error)
    }
}

/// An error that another attempt cannot help: the event is set aside (kept by a durable store) instead of being tried
/// again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permanent<E>(pub E);

impl<E: Into<BoxError>> From<Permanent<E>> for Failure {
    fn from(Permanent(error): Permanent<E>) -> Self {
        Failure::permanent(error)
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
