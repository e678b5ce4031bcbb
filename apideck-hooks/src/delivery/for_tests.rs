//! Changes of a delivery for unit tests of handlers.

use std::sync::Arc;

use super::{Delivery, Token};

/// For unit tests, with the feature `testing`.
impl Delivery {
    /// Adds a value of the context, as
    /// [`HooksBuilder::context`](crate::HooksBuilder::context) would.
    ///
    /// # Panics
    ///
    /// The context would be too large.
    #[must_use]
    #[track_caller]
    pub fn with_context(mut self, name: &str, value: &str) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        inner
            .context
            .insert(name, value)
            .unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// Sets the number of the attempt, and the fencing token that grows with it.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.run.attempt = attempt;
        self.run.token = Some(Token(attempt.into()));
        self
    }

    /// Makes the delivery of a run that has lost its claim.
    #[must_use]
    pub fn with_lost_claim(self) -> Self {
        self.signal_of_claim_lost().signal();
        self
    }
}
