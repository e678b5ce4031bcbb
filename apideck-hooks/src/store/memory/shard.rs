//! The records under one lock.
//!
//! # How it works
//!
//! The records that are `DONE` are nearly all records, so they have a list of their own. All other
//! records are in a second list. Both lists are in the order of the last changes.
//!
//! An operation takes a copy of the record, lets `record.rs` decide, and puts the record at the end
//! of its list if it has changed.

use std::time::Duration;

use super::limits::ShardLimits;
use super::ordered_map::{List, OrderedMap, Position};
use crate::delivery::Key;
use crate::store::record::{Letters, Record, Stage};
use crate::store::{Claim, End, Grant, Held, Status, Token, Verdict};

/// The list of the records that are `DONE`.
const DONE: List = List::First;
/// The list of all others.
const OTHERS: List = List::Second;

/// Some of the records, and their number that was evicted.
pub(super) struct Shard {
    records: OrderedMap<Record>,
    /// The greatest token of the records that were removed. The token of a record that is made
    /// again is greater.
    removed: u64,
    evicted: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            records: OrderedMap::new(Record::absent(0)),
            removed: 0,
            evicted: 0,
        }
    }
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Number of records that were evicted.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn claim(&mut self, key: Key, claim: &Claim, now: u64, limits: &ShardLimits) -> Verdict {
        let decide = |record: &mut Record| record.claim(claim, Letters::NotKept, now, limits.retention).0;
        if let Some(verdict) = self.change(key, decide) {
            return verdict;
        }
        if !self.make_room(now, limits.records) {
            return Verdict::Full;
        }
        let mut record = Record {
            token: Token(self.removed),
            ..Record::absent(now)
        };
        let verdict = decide(&mut record);
        // It is running, because no claim makes a record `DONE`.
        self.records.add(OTHERS, key, record);
        verdict
    }

    /// Claims a record only if it is there and has not expired.
    pub(super) fn claim_present(
        &mut self,
        key: Key,
        claim: &Claim,
        now: u64,
        limits: &ShardLimits,
    ) -> Option<Verdict> {
        self.change(key, |record| {
            let present = !record.is_expired(now);
            present.then(|| record.claim(claim, Letters::NotKept, now, limits.retention).0)
        })?
    }

    pub(super) fn renew(&mut self, grant: &Grant, lease: Duration, now: u64, limits: &ShardLimits) -> Held {
        self.change(grant.record, |record| {
            record.renew(grant, lease, now, limits.retention)
        })
        .unwrap_or(Held::Lost)
    }

    pub(super) fn finish(&mut self, grant: &Grant, end: &End, now: u64, limits: &ShardLimits) -> Held {
        self.change(grant.record, |record| {
            record.finish(grant, end, Letters::NotKept, now, limits.retention)
        })
        .unwrap_or(Held::Lost)
    }

    pub(super) fn end_rest(&mut self, key: Key, now: u64) -> bool {
        self.change(key, |record| record.end_rest(now)).unwrap_or(false)
    }

    pub(super) fn status(&self, key: &Key, now: u64) -> Status {
        self.get(key).map_or(Status::ABSENT, |record| record.status(now))
    }

    fn get(&self, key: &Key) -> Option<Record> {
        self.records.find(key).map(|at| self.records.value(at))
    }

    /// Changes a record if it is there. A changed record is put at the end of its list.
    fn change<T>(&mut self, key: Key, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let at = self.records.find(&key)?;
        let before = self.records.value(at);
        let mut record = before;
        let result = change(&mut record);
        if record != before {
            let list = match record.phase {
                Stage::Done => DONE,
                _ => OTHERS,
            };
            self.records.replace(list, at, record);
        }
        Some(result)
    }

    /// Makes room for a new record. Returns `false` if all records are running.
    fn make_room(&mut self, now: u64, records: usize) -> bool {
        // Up to two of each list for one record that is added. So the expired records become fewer,
        // and no claim pays for all of them.
        for list in [DONE, OTHERS, DONE, OTHERS] {
            if let Some((at, oldest)) = self.records.oldest(list)
                && oldest.is_expired(now)
            {
                self.remove(at);
            }
        }
        if self.len() < records {
            return true;
        }
        // A running record changes with every renewal. So only a few are before the first record
        // that is not running, unless nearly all are running.
        let is_free = |(_, record): &(_, Record)| !record.is_running(now);
        let oldest = self.records.oldest(DONE);
        let oldest = oldest.or_else(|| self.records.iter(OTHERS).find(is_free));
        let Some((at, _)) = oldest else {
            return false;
        };
        self.remove(at);
        self.evicted += 1;
        true
    }

    fn remove(&mut self, at: Position) {
        let record = self.records.remove(at);
        self.removed = self.removed.max(record.token.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Rests;

    const LEASE: Duration = Duration::from_micros(100);
    const RETENTION: Duration = Duration::from_micros(1000);

    /// A shard with room for this many records, which keeps them for 1,000 microseconds.
    struct Fixture(Shard, ShardLimits);

    impl Fixture {
        fn new(records: usize) -> Self {
            let limits = ShardLimits {
                retention: RETENTION,
                records,
            };
            Self(Shard::default(), limits)
        }

        fn claim(&mut self, n: u8, now: u64) -> Result<Grant, Verdict> {
            self.claim_with(n, Rests::NONE, now)
        }

        fn claim_with(&mut self, n: u8, rests: Rests, now: u64) -> Result<Grant, Verdict> {
            let mut claim = Claim::new(key(n), LEASE);
            claim.rests = rests;
            match self.0.claim(key(n), &claim, now, &self.1) {
                Verdict::Granted { token, .. } => Ok(Grant::new(key(n), token, claim.id)),
                refused => Err(refused),
            }
        }

        fn finish(&mut self, grant: &Grant, end: &End, now: u64) -> Held {
            self.0.finish(grant, end, now, &self.1)
        }

        fn settle(&mut self, n: u8, end: &End, now: u64) -> Grant {
            let grant = self.claim(n, now).expect("it is claimable");
            assert_eq!(self.finish(&grant, end, now), Held::Yes);
            grant
        }

        /// The records that are there, of those from 0 to 9.
        fn present(&self) -> Vec<u8> {
            (0..10).filter(|n| self.0.get(&key(*n)).is_some()).collect()
        }
    }

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    const RELEASE: End = End::Release { rest: Duration::ZERO };

    #[test]
    fn the_oldest_done_record_is_evicted_first() {
        let mut fixture = Fixture::new(4);
        fixture.settle(0, &RELEASE, 0);
        let grants = [1, 2].map(|n| fixture.claim(n, 0).unwrap());
        fixture.settle(3, &End::Done, 1);
        // The order of the ends counts, not the order of the claims.
        assert_eq!(fixture.finish(&grants[1], &End::Done, 2), Held::Yes);
        assert_eq!(fixture.finish(&grants[0], &End::Done, 3), Held::Yes);
        // Neither a duplicate nor the same end sent again makes a record newer.
        assert_eq!(fixture.claim(3, 4), Err(Verdict::Done));
        for (n, present) in [(4, [0, 1, 2, 4]), (5, [0, 1, 4, 5]), (6, [0, 4, 5, 6])] {
            fixture.claim(n, 5).unwrap();
            assert_eq!(fixture.present(), present);
        }
        assert_eq!(fixture.0.evicted(), 3);
    }

    #[test]
    fn other_records_are_evicted_next_and_running_ones_never() {
        let rests = Rests::new([Duration::from_micros(500); Rests::LENGTH]);
        let mut fixture = Fixture::new(3);
        fixture.claim(0, 0).unwrap();
        let resting = fixture.claim_with(1, rests, 0).unwrap();
        assert_eq!(fixture.finish(&resting, &RELEASE, 0), Held::Yes);
        let running = fixture.claim(2, 0).unwrap();
        assert_eq!(fixture.0.renew(&running, LEASE, 50, &fixture.1), Held::Yes);
        fixture.claim(3, 60).unwrap();
        assert_eq!(fixture.present(), [0, 2, 3]);
        assert_eq!(fixture.claim(4, 99), Err(Verdict::Full));
        // The lease of the first has ended.
        fixture.claim(4, 100).unwrap();
        assert_eq!(fixture.present(), [2, 3, 4]);
        assert_eq!(fixture.claim(5, 149), Err(Verdict::Full));
        assert_eq!(fixture.0.evicted(), 2);
    }

    #[test]
    fn a_record_that_is_there_needs_no_room() {
        let mut fixture = Fixture::new(2);
        fixture.claim(0, 0).unwrap();
        fixture.settle(1, &RELEASE, 0);
        fixture.claim(1, 0).unwrap();
        assert_eq!((fixture.present(), fixture.0.evicted()), (vec![0, 1], 0));
    }

    #[test]
    fn expired_records_are_removed_a_few_at_a_time_and_not_counted() {
        let mut fixture = Fixture::new(100);
        for n in 10..20 {
            fixture.settle(n, &End::Done, 0);
            fixture.settle(n + 10, &RELEASE, 0);
        }
        fixture.claim(30, 0).unwrap();
        assert_eq!(fixture.0.len(), 21);
        // The lease is part of the time for which a record is kept.
        let end = 1100;
        fixture.settle(0, &End::Done, end - 1);
        assert_eq!(fixture.0.len(), 22);
        let lengths = [1, 2, 3, 4, 5, 6, 7].map(|n| {
            fixture.settle(n, &End::Done, end);
            fixture.0.len()
        });
        assert_eq!(lengths, [19, 16, 13, 10, 7, 7, 8]);
        assert_eq!(fixture.0.evicted(), 0);
    }

    /// A renewed record is at the end of its list.
    #[test]
    fn a_long_run_does_not_keep_expired_records() {
        let mut fixture = Fixture::new(100);
        let grant = fixture.claim(0, 0).unwrap();
        fixture.settle(1, &RELEASE, 0);
        assert_eq!(fixture.0.renew(&grant, 2 * RETENTION, 50, &fixture.1), Held::Yes);
        fixture.claim(2, 1100).unwrap();
        assert_eq!(fixture.present(), [0, 2]);
    }

    #[test]
    fn a_token_grows_after_its_record_was_removed() {
        for end in [End::Done, RELEASE] {
            // Evicted at once, or expired and removed for another record, or only expired.
            for (records, others, now) in [(1, 1, 0), (10, 1, 1100), (10, 0, 1100)] {
                let mut fixture = Fixture::new(records);
                // Many claims at one time, so the token is ahead of the clock.
                for _ in 0..2000 {
                    fixture.settle(1, &RELEASE, 0);
                }
                let old = fixture.settle(1, &end, 0);
                for n in 0..others {
                    fixture.settle(2 + n, &End::Done, now);
                }
                let new = fixture.claim(1, now).unwrap();
                assert!(new.token > old.token, "{old:?} {new:?}");
                assert_eq!(fixture.finish(&old, &end, now), Held::Lost);
                assert_eq!(fixture.finish(&new, &End::Done, now), Held::Yes);
            }
        }
    }
}
