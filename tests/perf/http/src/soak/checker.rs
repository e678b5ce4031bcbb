//! Compares the sent events with the handler's ledger and with the responses.

use super::behavior::Behavior;
use super::ledger::Handled;
use std::num::NonZeroU32;
use std::ops::AddAssign;

/// The number of events with each fault.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Faults {
    /// Never handled, but could have been.
    pub(crate) lost: u64,
    /// Handled more than once.
    pub(crate) twice: u64,
    /// Run more or less often than expected.
    pub(crate) runs: u64,
    /// Acknowledged before handled.
    pub(crate) early: u64,
    /// Acknowledged, but neither handled nor dead-lettered.
    pub(crate) false_acknowledgements: u64,
    /// Handled or dead-lettered, but never acknowledged.
    pub(crate) unacknowledged: u64,
}

impl Faults {
    pub(crate) fn total(&self) -> u64 {
        self.lost + self.twice + self.runs + self.early + self.false_acknowledgements + self.unacknowledged
    }

    /// The faults of one event, from its runs, its successes, the time of the last one, and the
    /// time of the first acknowledgement.
    fn of(
        behavior: Behavior,
        (runs, done, at): (u8, u8, u32),
        acknowledged: Option<NonZeroU32>,
        durable: bool,
    ) -> Self {
        let (expected_runs, expected_done) = behavior.runs();
        let kept = done > 0 || (durable && expected_done == 0 && runs >= expected_runs);
        Faults {
            lost: u64::from(done < expected_done),
            twice: u64::from(done > 1 || done > expected_done),
            runs: u64::from(runs != expected_runs),
            early: u64::from(done > 0 && acknowledged.is_some_and(|first| first.get() < at)),
            false_acknowledgements: u64::from(acknowledged.is_some() && !kept),
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
        self.false_acknowledgements += more.false_acknowledgements;
        self.unacknowledged += more.unacknowledged;
    }
}

/// Checks the events from 1 on. `acknowledged` has the time of the first acknowledgement by the
/// event's number.
pub(crate) fn check(
    handled: &Handled,
    acknowledged: &[Option<NonZeroU32>],
    events: u64,
    durable: bool,
) -> Faults {
    let mut faults = Faults::default();
    for number in 1..=events {
        let (event, at) = (handled.event(number as usize), acknowledged[number as usize]);
        faults += Faults::of(Behavior::of(number), event, at, durable);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(behavior: Behavior, handled: (u8, u8, u32), acknowledged: u32, durable: bool) -> Faults {
        Faults::of(behavior, handled, NonZeroU32::new(acknowledged), durable)
    }

    #[test]
    fn expected_behavior_has_no_fault() {
        for (behavior, handled, acknowledged, durable) in [
            (Behavior::Fine, (1, 1, 5), 5, false),
            (Behavior::Fails(2), (3, 1, 5), 9, true),
            (Behavior::Permanent, (1, 0, u32::MAX), 0, false),
            (Behavior::Permanent, (1, 0, u32::MAX), 7, true),
            (Behavior::Exhausts, (8, 0, u32::MAX), 7, true),
        ] {
            assert_eq!(
                of(behavior, handled, acknowledged, durable).total(),
                0,
                "{behavior:?}"
            );
        }
    }

    #[test]
    fn every_fault_is_found() {
        let none = Faults::default();
        let lost = of(Behavior::Fine, (0, 0, u32::MAX), 0, false);
        assert_eq!(
            lost,
            Faults {
                lost: 1,
                runs: 1,
                ..none
            }
        );
        let twice = of(Behavior::Slow, (2, 2, 5), 6, false);
        assert_eq!(
            twice,
            Faults {
                twice: 1,
                runs: 1,
                ..none
            }
        );
        let again = of(Behavior::Permanent, (2, 0, u32::MAX), 0, false);
        assert_eq!(again, Faults { runs: 1, ..none });
        let early = of(Behavior::Fine, (1, 1, 5), 4, false);
        assert_eq!(early, Faults { early: 1, ..none });
        let lie = of(Behavior::Exhausts, (8, 0, u32::MAX), 4, false);
        assert_eq!(
            lie,
            Faults {
                false_acknowledgements: 1,
                ..none
            }
        );
        let silent = of(Behavior::Fine, (1, 1, 5), 0, false);
        assert_eq!(
            silent,
            Faults {
                unacknowledged: 1,
                ..none
            }
        );
        // An event that can still be retried is not dead-lettered yet.
        let rash = of(Behavior::Exhausts, (3, 0, u32::MAX), 4, true);
        assert_eq!(
            rash,
            Faults {
                runs: 1,
                false_acknowledgements: 1,
                ..none
            }
        );
    }
}
