//! The behavior of the handler and of the sender for an event, from its number alone: both and the
//! checker know it.

/// The attempts after which an event is dead-lettered: the default.
pub(crate) const ATTEMPTS: u8 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Behavior {
    /// The handler succeeds at once.
    Fine,
    /// The handler succeeds after a while, so that a duplicate arrives in between.
    Slow,
    /// The first attempts fail, this many.
    Fails(u8),
    /// The handler says that a retry cannot help.
    Permanent,
    /// All attempts fail.
    Exhausts,
}

impl Behavior {
    /// One event in a hundred fails at least once.
    pub(crate) fn of(number: u64) -> Self {
        let mixed = mix(number);
        match (mixed % 100, mixed / 100 % 10) {
            (0, 0..6) => Behavior::Fails(1),
            (0, 6..8) => Behavior::Fails(2),
            (0, 8) => Behavior::Permanent,
            (0, _) => Behavior::Exhausts,
            (1, _) => Behavior::Slow,
            _ => Behavior::Fine,
        }
    }

    pub(crate) fn fails(self) -> bool {
        !matches!(self, Behavior::Fine | Behavior::Slow)
    }

    /// The runs of the handler, and the successful ones.
    pub(crate) fn runs(self) -> (u8, u8) {
        match self {
            Behavior::Fine | Behavior::Slow => (1, 1),
            Behavior::Fails(attempts) => (attempts + 1, 1),
            Behavior::Permanent => (1, 0),
            Behavior::Exhausts => (ATTEMPTS, 0),
        }
    }
}

/// The second delivery of an event by the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Duplicate {
    None,
    /// Right behind the first.
    Soon,
    /// After the response to the first.
    Late,
}

impl Duplicate {
    /// One event in twenty has a duplicate.
    pub(crate) fn of(number: u64) -> Self {
        match (mix(number) >> 32) % 40 {
            0 => Duplicate::Soon,
            1 => Duplicate::Late,
            _ => Duplicate::None,
        }
    }
}

/// Mixes the bits, so that neighbours behave independently.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_failures_and_duplicates_are_as_documented() {
        let share =
            |is: &dyn Fn(u64) -> bool| (0..1_000_000).filter(|&number| is(number)).count() as f64 / 1e6;
        let near = |share: f64, wanted: f64| (share / wanted - 1.0).abs() < 0.1;
        assert!(near(share(&|number| Behavior::of(number).fails()), 0.01));
        assert!(near(
            share(&|number| Behavior::of(number) == Behavior::Exhausts),
            0.001
        ));
        assert!(near(
            share(&|number| Behavior::of(number) == Behavior::Permanent),
            0.001
        ));
        assert!(near(
            share(&|number| Duplicate::of(number) != Duplicate::None),
            0.05
        ));
        assert!(near(
            share(&|number| Behavior::of(number).fails() && Duplicate::of(number) == Duplicate::Soon),
            0.000_25
        ));
    }
}
