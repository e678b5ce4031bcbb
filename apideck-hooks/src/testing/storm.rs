//! The deliveries of one event at once.

use std::fmt;
use std::ops::Deref;

use super::answer::Answer;
use crate::disposition::{Disposition, Why};

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

    /// Asserts that the handler ran once, and that every answer is `2xx`, or a `503` because the
    /// handler was still running.
    ///
    /// Eight duplicates of a running event wait for its outcome at most. The others are asked to
    /// come later at once.
    ///
    /// # Panics
    ///
    /// It did not run once, an answer is another one, or the deliveries went over a socket.
    #[track_caller]
    pub fn assert_handled_once(&self) -> &Self {
        let runs = self.runs();
        assert!(
            runs == 1,
            "expected one run of {} deliveries, found {runs}\n{self}",
            self.len()
        );
        let running = |answer: &Answer| {
            let why = answer.disposition();
            matches!(
                why,
                Some(Disposition::Later {
                    why: Why::Running,
                    ..
                })
            ) && answer.attempt().is_none()
        };
        for answer in self.0.iter().filter(|answer| !running(answer)) {
            answer.assert_acknowledged();
        }
        self
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
