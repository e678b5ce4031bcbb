//! The deliveries of one event until it is acknowledged.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::answer::Answer;

/// The answers to the deliveries of one event, in Apideck's way. It dereferences to them.
///
/// Apideck stops at the first `2xx`, so only the last answer can be one.
#[derive(Clone)]
#[must_use = "a story proves nothing until something is asserted on it"]
pub struct Story {
    answers: Vec<Answer>,
    /// The time of each delivery since the first one.
    times: Vec<Duration>,
}

impl Story {
    pub(super) fn new() -> Self {
        Self {
            answers: Vec::new(),
            times: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: Duration, answer: Answer) {
        self.times.push(at);
        self.answers.push(answer);
    }

    /// Returns the time from the first delivery to the last one.
    pub fn duration(&self) -> Duration {
        self.times.last().copied().unwrap_or_default()
    }

    /// Returns the last answer.
    ///
    /// # Panics
    ///
    /// Never, because an event is delivered at least once.
    pub fn ending(&self) -> &Answer {
        self.answers.last().expect("an event is delivered at least once")
    }

    /// Asserts that the last answer is `2xx`.
    ///
    /// # Panics
    ///
    /// Apideck has given the event up.
    #[track_caller]
    pub fn assert_acknowledged(&self) -> &Self {
        self.assert(self.ending().is_acknowledged(), "an acknowledgement in the end")
    }

    /// Asserts that the handler succeeded in the end.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub fn assert_handled(&self) -> &Self {
        self.assert(self.ends_with("handled"), "handled in the end")
    }

    /// Asserts that the event failed for good in the end, and that the store keeps it as a dead
    /// letter.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub fn assert_dead_lettered(&self) -> &Self {
        self.assert(self.ends_with("dead_lettered"), "dead-lettered in the end")
    }

    /// Asserts that Apideck has given the event up, after which it disables the subscription.
    ///
    /// # Panics
    ///
    /// The event was acknowledged.
    #[track_caller]
    pub fn assert_given_up(&self) -> &Self {
        self.assert(!self.ending().is_acknowledged(), "no acknowledgement")
    }

    /// Asserts the number of deliveries.
    ///
    /// # Panics
    ///
    /// It is another one.
    #[track_caller]
    pub fn assert_deliveries(&self, number: usize) -> &Self {
        self.assert(self.len() == number, format_args!("{number} deliveries"))
    }

    fn ends_with(&self, word: &str) -> bool {
        self.ending().is_acknowledged() && self.ending().word().as_deref() == Some(word)
    }

    #[track_caller]
    fn assert(&self, holds: bool, expected: impl fmt::Display) -> &Self {
        assert!(holds, "expected {expected}\n{self}");
        self
    }
}

impl Deref for Story {
    type Target = [Answer];

    fn deref(&self) -> &[Answer] {
        &self.answers
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, answer) in self.times.iter().zip(&self.answers) {
            writeln!(
                f,
                "after {}\n{answer}",
                humantime::format_duration(Duration::from_secs(at.as_secs()))
            )?;
        }
        Ok(())
    }
}

/// Prints the same as `Display`.
impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
