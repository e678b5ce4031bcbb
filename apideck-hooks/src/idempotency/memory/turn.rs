//! When to look for what is over.

use super::Limits;

/// Counts what is added.
#[derive(Default)]
pub(super) struct Turn(usize);

impl Turn {
    /// Whether it is time, after one more.
    pub(super) fn comes(&mut self, limits: &Limits) -> bool {
        self.0 = (self.0 + 1) % limits.together;
        self.0 == 0
    }
}
