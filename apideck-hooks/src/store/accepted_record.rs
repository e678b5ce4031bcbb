//! The changes of a record by the inbox.

use std::time::Duration;

use super::inbox_store::AcceptVerdict;
use super::record::{Record, Stage, Wait};
use super::values::{Claim, Verdict};

/// The result of ending a run whose lease has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RecoveredRun {
    /// The record waits again.
    Waiting,
    /// All attempts were used up. A letter must be kept.
    Dead,
    /// There was no such run.
    None,
}

impl Record {
    /// Accepts the event.
    ///
    /// The token and the phase stay, so a run that comes to its end after its lease can still
    /// settle the event. But it has no lease to renew, because it does not hold the event's lane.
    pub(super) fn accept(&mut self, now: u64, retention: Duration) -> AcceptVerdict {
        if self.is_expired(now) {
            *self = Self {
                token: self.token,
                ..Self::absent(now)
            };
        }
        if self.phase == Stage::Done {
            return AcceptVerdict::Done;
        }
        if self.kept {
            return AcceptVerdict::Dead;
        }
        if self.accepted {
            return AcceptVerdict::Yes { new: false };
        }
        if self.is_running(now) {
            return AcceptVerdict::Running {
                lease_left: self.lease.left(now),
            };
        }
        if self.rest.left(now).is_zero() {
            // Due from now on, so that a retry that was due before comes before it.
            self.rest = Wait::from_now(now, Duration::ZERO);
        }
        self.accepted = true;
        self.lease = Wait::default();
        self.attempts = 0;
        self.interrupted = 0;
        self.first_seen = now;
        self.keep_for(now, retention);
        AcceptVerdict::Yes { new: true }
    }

    /// Claims the record for a worker. `None` if it does not wait or is not due.
    pub(super) fn fetch(&mut self, claim: &Claim, now: u64, retention: Duration) -> Option<Verdict> {
        let waits = self.accepted && !self.kept && self.phase != Stage::Done && !self.is_running(now);
        if !waits || !self.rest.left(now).is_zero() {
            return None;
        }
        if self.attempts == 0 {
            self.first_seen = now;
        }
        Some(self.grant(claim, now, retention))
    }

    /// Ends the run if its lease has ended, and cuts a lease and a rest to their lengths.
    pub(super) fn recover(&mut self, attempts: u32, now: u64) -> RecoveredRun {
        self.lease.cut(now);
        self.rest.cut(now);
        let lost = self.accepted && self.phase == Stage::Running && !self.is_running(now);
        if !lost || self.kept {
            return RecoveredRun::None;
        }
        if self.attempts < attempts {
            self.phase = Stage::Released;
            return RecoveredRun::Waiting;
        }
        self.phase = Stage::Dead;
        self.kept = true;
        RecoveredRun::Dead
    }

    /// Ends the run if its lease has ended, because another event has taken its lane. It cannot be
    /// renewed then.
    #[cfg(feature = "sqlite")]
    pub(super) fn lose(&mut self, now: u64) {
        if self.phase == Stage::Running && !self.is_running(now) {
            self.phase = if self.kept { Stage::Dead } else { Stage::Released };
        }
    }

    /// The time from which on the record can be fetched. `None` if it neither waits nor runs. The
    /// replay of an accepted event's letter has one too, because it takes its lane.
    pub(super) fn due(&self) -> Option<u64> {
        let Wait { end: rest, .. } = self.rest;
        match self.phase {
            _ if !self.accepted => None,
            Stage::Running => Some(self.lease.end.max(rest)),
            Stage::Done => None,
            _ if self.kept => None,
            _ => Some(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Key;
    use crate::store::{DeadLetter, End, Grant, Held, RecordState, Rests};

    const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    const LEASE: Duration = Duration::from_secs(30);

    use crate::store::record::Letters;

    fn claim() -> Claim {
        let mut claim = Claim::new(Key::from_bytes([1; 16]), LEASE);
        claim.rests = Rests::new([Duration::from_secs(60); Rests::LENGTH]);
        claim
    }

    fn granted(record: &mut Record, now: u64) -> (Grant, u32) {
        let claim = claim();
        match record.fetch(&claim, now, WEEK) {
            Some(Verdict::Granted { token, attempt }) => (Grant::new(claim.event, token, claim.id), attempt),
            other => panic!("{other:?}"),
        }
    }

    fn finish(record: &mut Record, grant: Grant, end: &End, now: u64) -> Held {
        record.finish(&grant, end, Letters::Full, now, WEEK)
    }

    fn seconds(n: u64) -> u64 {
        n * 1_000_000
    }

    #[test]
    fn an_accepted_record_waits_through_every_end_until_it_is_done() {
        let mut record = Record::absent(0);
        assert_eq!(record.accept(0, WEEK), AcceptVerdict::Yes { new: true });
        assert_eq!(record.accept(0, WEEK), AcceptVerdict::Yes { new: false });
        assert_eq!(record.due(), Some(0));
        let (grant, attempt) = granted(&mut record, 5);
        assert_eq!((attempt, record.first_seen), (1, 5));
        assert!(record.fetch(&claim(), 6, WEEK).is_none());
        // Shorter than the rest since the claim, which is for a run without an end.
        let end = End::Release {
            rest: Duration::from_secs(1),
        };
        assert_eq!(finish(&mut record, grant, &end, seconds(1)), Held::Yes);
        assert_eq!(record.due(), Some(seconds(2)));
        assert!(record.fetch(&claim(), seconds(1), WEEK).is_none());
        let (grant, attempt) = granted(&mut record, seconds(2));
        assert_eq!((attempt, record.first_seen), (2, 5));
        assert_eq!(finish(&mut record, grant, &End::Withdraw, seconds(2)), Held::Yes);
        assert_eq!((record.attempts, record.due()), (1, Some(0)));
        assert!(!record.is_expired(u64::MAX));
        let (grant, _) = granted(&mut record, seconds(3));
        assert_eq!(finish(&mut record, grant, &End::Done, seconds(3)), Held::Yes);
        assert_eq!((record.due(), record.accepted), (None, false));
        assert_eq!(record.accept(seconds(4), WEEK), AcceptVerdict::Done);
        assert!(record.is_expired(u64::MAX));
    }

    #[test]
    fn a_lost_run_waits_again_or_is_dead() {
        let mut record = Record::absent(0);
        record.accept(0, WEEK);
        let (grant, _) = granted(&mut record, 0);
        assert_eq!(record.recover(2, seconds(29)), RecoveredRun::None);
        assert_eq!(record.recover(2, seconds(30)), RecoveredRun::Waiting);
        assert_eq!(finish(&mut record, grant, &End::Done, seconds(30)), Held::Lost);
        assert_eq!(record.due(), Some(seconds(60)));
        granted(&mut record, seconds(60));
        assert_eq!(record.recover(2, seconds(90)), RecoveredRun::Dead);
        assert_eq!(record.status(seconds(90)).state, RecordState::Dead);
        assert_eq!(record.accept(seconds(91), WEEK), AcceptVerdict::Dead);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_waiting() {
        let mut record = Record::absent(seconds(1000));
        record.accept(seconds(1000), WEEK);
        let (grant, _) = granted(&mut record, seconds(1000));
        let end = End::Release {
            rest: Duration::from_secs(10),
        };
        finish(&mut record, grant, &end, seconds(1000));
        assert_eq!(record.recover(9, seconds(5)), RecoveredRun::None);
        assert_eq!(record.due(), Some(seconds(15)));
        // Nor does a run whose process is gone hold it for longer than its lease.
        granted(&mut record, seconds(1000));
        assert_eq!(record.recover(9, seconds(6)), RecoveredRun::None);
        assert_eq!(record.recover(9, seconds(35)), RecoveredRun::None);
        assert_eq!(record.recover(9, seconds(36)), RecoveredRun::Waiting);
    }

    #[test]
    fn a_dead_letter_of_an_accepted_event_always_has_room() {
        let mut record = Record::absent(0);
        record.accept(0, WEEK);
        let (grant, _) = granted(&mut record, 0);
        let letter = Box::new(DeadLetter::new("", "body"));
        let end = End::Dead { letter, began: true };
        assert_eq!(finish(&mut record, grant, &end, 1), Held::Yes);
        assert_eq!((record.kept, record.due()), (true, None));
        // The replay of the letter takes the lane of the event.
        record.replay(&claim(), 2, WEEK);
        assert!(record.due().is_some());
    }

    #[test]
    fn a_late_end_of_an_earlier_run_settles_the_event_without_a_lease() {
        let mut record = Record::absent(0);
        let claim = claim();
        let (Verdict::Granted { token, .. }, _) = record.claim(&claim, Letters::Room, 0, WEEK) else {
            panic!("not granted");
        };
        assert!(matches!(record.accept(1, WEEK), AcceptVerdict::Running { .. }));
        // It keeps its rest.
        assert_eq!(record.accept(seconds(31), WEEK), AcceptVerdict::Yes { new: true });
        assert_eq!(record.due(), Some(seconds(60)));
        let grant = Grant::new(claim.event, token, claim.id);
        assert_eq!(record.renew(&grant, LEASE, seconds(32), WEEK), Held::Lost);
        // Also after the clock was set back.
        assert_eq!(record.renew(&grant, LEASE, 2, WEEK), Held::Lost);
        assert!(!record.is_running(2));
        assert_eq!(finish(&mut record, grant, &End::Done, seconds(32)), Held::Yes);
        assert_eq!(record.status(seconds(32)).state, RecordState::Done);
    }
}
