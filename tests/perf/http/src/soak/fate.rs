//! What is to become of an event, by its number: the sender, the handler and the checker all know it.

/// The attempts after which an event is set aside, as is the default.
pub(crate) const ATTEMPTS: u8 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It is handled at once.
    Fine,
    /// It is handled after a while, in which duplicates come.
    Slow,
    /// So many attempts fail.
    Fails(u8),
    /// The handler says that no attempt can help.
    Permanent,
    /// All attempts fail.
    Exhausts,
}

impl Fate {
    /// One event in a hundred fails, at least at first.
    pub(crate) fn of(number: u64) -> Self {
        let mixed = mix(number);
        match (mixed % 100, mixed / 100 % 10) {
            (0, 0..6) => Fate::Fails(1),
            (0, 6..8) => Fate::Fails(2),
            (0, 8) => Fate::Permanent,
            (0, _) => Fate::Exhausts,
            (1, _) => Fate::Slow,
            _ => Fate::Fine,
        }
    }

    pub(crate) fn fails(self) -> bool {
        !matches!(self, Fate::Fine | Fate::Slow)
    }

    /// How often its handler runs, and how often with success.
    pub(crate) fn runs(self) -> (u8, u8) {
        match self {
            Fate::Fine | Fate::Slow => (1, 1),
            Fate::Fails(attempts) => (attempts + 1, 1),
            Fate::Permanent => (1, 0),
            Fate::Exhausts => (ATTEMPTS, 0),
        }
    }
}

/// When it is sent a second time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Twin {
    None,
    /// Right behind the first.
    Soon,
    /// After it was answered.
    Late,
}

impl Twin {
    /// One event in twenty has one.
    pub(crate) fn of(number: u64) -> Self {
        match (mix(number) >> 32) % 40 {
            0 => Twin::Soon,
            1 => Twin::Late,
            _ => Twin::None,
        }
    }
}

/// Neighbours have nothing in common.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_fail_and_come_twice_as_is_said() {
        let share =
            |is: &dyn Fn(u64) -> bool| (0..1_000_000).filter(|&number| is(number)).count() as f64 / 1e6;
        let near = |share: f64, wanted: f64| (share / wanted - 1.0).abs() < 0.1;
        assert!(near(share(&|number| Fate::of(number).fails()), 0.01));
        assert!(near(share(&|number| Fate::of(number) == Fate::Exhausts), 0.001));
        assert!(near(share(&|number| Fate::of(number) == Fate::Permanent), 0.001));
        assert!(near(share(&|number| Twin::of(number) != Twin::None), 0.05));
        assert!(near(
            share(&|number| Fate::of(number).fails() && Twin::of(number) == Twin::Soon),
            0.000_25
        ));
    }
}
