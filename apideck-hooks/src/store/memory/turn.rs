//! When to look for what is over.

use super::limits::Limits;

/// Counts what was asked to be added since the last look.
#[derive(Default)]
pub(super) struct Turn(usize);

impl Turn {
    /// Whether it is time to look, as one more is to be added.
    pub(super) fn comes(&mut self, limits: &Limits) -> bool {
        self.0 += 1;
        let comes = self.0 >= limits.together;
        if comes {
            self.0 = 0;
        }
        comes
    }
}
