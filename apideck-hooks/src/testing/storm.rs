//! The deliveries of one event at once.

use std::fmt;
use std::ops::Deref;

use super::answer::Answer;

/// The answers to deliveries that were sent at once. It dereferences to them.
#[derive(Clone)]
#[must_use = "a storm proves nothing until something is asserted on it"]
pub struct Storm(pub(super) Vec<Answer>);

impl Storm {
    /// Returns the number of runs that the deliveries have begun. Over a socket it is 0.
    pub fn runs(&self) -> usize {
        self.0.iter().filter(|answer| answer.attempt().is_some()).count()
    }

    /// Asserts that every answer is `2xx`.
    ///
    /// # Panics
    ///
    /// One is not.
    #[track_caller]
    pub fn assert_acknowledged(&self) -> &Self {
        for answer in &self.0 {
            answer.assert_acknowledged();
        }
        self
    }

    /// Asserts that the handler ran once, and that every answer is `2xx`.
    ///
    /// # Panics
    ///
    /// It did not run once, an answer is not `2xx`, or the deliveries went over a socket.
    #[track_caller]
    pub fn assert_handled_once(&self) -> &Self {
        let runs = self.runs();
        assert!(
            runs == 1,
            "expected one run of {} deliveries, found {runs}\n{self}",
            self.len()
        );
        self.assert_acknowledged()
    }
}

impl Deref for Storm {
    type Target = [Answer];

    fn deref(&self) -> &[Answer] {
        &self.0
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for answer in &self.0 {
            writeln!(f, "{answer}")?;
        }
        Ok(())
    }
}

/// Prints the same as `Display`.
impl fmt::Debug for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
