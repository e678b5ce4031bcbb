//! Compares what was sent, what was handled, and what was answered.

use super::fate::Fate;
use super::ledger::Handled;
use std::num::NonZeroU32;
use std::ops::AddAssign;

/// How many events there are of which this is wrong.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Faults {
    /// Never handled, though they could be.
    pub(crate) lost: u64,
    /// Handled more than once.
    pub(crate) twice: u64,
    /// Tried more or less often than they have failed.
    pub(crate) runs: u64,
    /// Acknowledged before they were handled.
    pub(crate) early: u64,
    /// Acknowledged though they were neither handled nor kept.
    pub(crate) lies: u64,
    /// Never acknowledged, though handled or kept.
    pub(crate) unacknowledged: u64,
}

impl Faults {
    pub(crate) fn total(&self) -> u64 {
        self.lost + self.twice + self.runs + self.early + self.lies + self.unacknowledged
    }

    /// Of one event: how often it ran, was done, and when; and when it was first acknowledged.
    fn of(
        fate: Fate,
        (runs, done, at): (u8, u8, u32),
        acknowledged: Option<NonZeroU32>,
        durable: bool,
    ) -> Self {
        let (expected_runs, expected_done) = fate.runs();
        let kept = done > 0 || (durable && expected_done == 0 && runs >= expected_runs);
        Faults {
            lost: u64::from(done < expected_done),
            twice: u64::from(done > 1 || done > expected_done),
            runs: u64::from(runs != expected_runs),
            early: u64::from(done > 0 && acknowledged.is_some_and(|first| first.get() < at)),
            lies: u64::from(acknowledged.is_some() && !kept),
            unacknowledged: u64::from(acknowledged.is_none() && kept),
        }
    }
}

impl AddAssign for Faults {
    fn add_assign(&mut self, more: Faults) {
        self.lost += more.lost;
        self.twice += more.twice;
        self.runs += more.runs;
        self.early += more.early;
        self.lies += more.lies;
        self.unacknowledged += more.unacknowledged;
    }
}

/// Events are numbered from 1; the times of the first acknowledgements are by number.
pub(crate) fn check(
    handled: &Handled,
    acknowledged: &[Option<NonZeroU32>],
    events: u64,
    durable: bool,
) -> Faults {
    let mut faults = Faults::default();
    for number in 1..=events {
        let (event, at) = (handled.event(number as usize), acknowledged[number as usize]);
        faults += Faults::of(Fate::of(number), event, at, durable);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fate: Fate, handled: (u8, u8, u32), acknowledged: u32, durable: bool) -> Faults {
        Faults::of(fate, handled, NonZeroU32::new(acknowledged), durable)
    }

    #[test]
    fn what_is_as_it_should_be_is_no_fault() {
        for (fate, handled, acknowledged, durable) in [
            (Fate::Fine, (1, 1, 5), 5, false),
            (Fate::Fails(2), (3, 1, 5), 9, true),
            (Fate::Permanent, (1, 0, u32::MAX), 0, false),
            (Fate::Permanent, (1, 0, u32::MAX), 7, true),
            (Fate::Exhausts, (8, 0, u32::MAX), 7, true),
        ] {
            assert_eq!(of(fate, handled, acknowledged, durable).total(), 0, "{fate:?}");
        }
    }

    #[test]
    fn every_fault_is_found() {
        let none = Faults::default();
        let lost = of(Fate::Fine, (0, 0, u32::MAX), 0, false);
        assert_eq!(
            lost,
            Faults {
                lost: 1,
                runs: 1,
                ..none
            }
        );
        let twice = of(Fate::Slow, (2, 2, 5), 6, false);
        assert_eq!(
            twice,
            Faults {
                twice: 1,
                runs: 1,
                ..none
            }
        );
        let again = of(Fate::Permanent, (2, 0, u32::MAX), 0, false);
        assert_eq!(again, Faults { runs: 1, ..none });
        let early = of(Fate::Fine, (1, 1, 5), 4, false);
        assert_eq!(early, Faults { early: 1, ..none });
        let lie = of(Fate::Exhausts, (8, 0, u32::MAX), 4, false);
        assert_eq!(lie, Faults { lies: 1, ..none });
        let silent = of(Fate::Fine, (1, 1, 5), 0, false);
        assert_eq!(
            silent,
            Faults {
                unacknowledged: 1,
                ..none
            }
        );
        // What is acknowledged while it can still fail was not kept yet.
        let rash = of(Fate::Exhausts, (3, 0, u32::MAX), 4, true);
        assert_eq!(
            rash,
            Faults {
                runs: 1,
                lies: 1,
                ..none
            }
        );
    }
}
