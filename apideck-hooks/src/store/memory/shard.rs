//! The records under one lock.

use super::limits::{Limits, millis};
use super::table::{Hashed, Place, Queue, Table};
use super::turn::Turn;
use crate::store::{End, Held, MAX_ALIASES, Status, Token, Verdict};
use crate::sync::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Released,
    Done,
    Dead,
}

/// Times and counts beside the key.
#[derive(Clone, Copy)]
struct Record {
    /// Milliseconds: when the lease of a running record ends, when any other was last changed.
    at: u64,
    token: u64,
    attempt: u32,
    aliases: u8,
    state: State,
}

impl Record {
    fn token(&self) -> Token {
        Token(self.token)
    }

    fn is_over(&self, now: u64, limits: &Limits) -> bool {
        self.state != State::Running && self.at.saturating_add(limits.retention) <= now
    }

    fn lease_left(&self, now: u64) -> Duration {
        Duration::from_millis(self.at.saturating_sub(now))
    }
}

/// Records, and the settled ones in the order in which they were settled.
#[derive(Default)]
pub(super) struct Shard {
    records: Table<Record>,
    done: Queue,
    /// Released or dead.
    undone: Queue,
    turn: Turn,
    /// The greatest token of a record that was forgotten: a new one begins above it, so that an owner from a record's
    /// earlier life cannot settle a later one.
    forgotten: u64,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Begins to fetch from the memory what is needed to claim the record.
    pub(super) fn fetch(&self, key: &Hashed) {
        self.records.fetch(key);
    }

    /// The verdict on a record that there is, if its retention is not over.
    pub(super) fn claim_kept(
        &mut self,
        key: &Hashed,
        now: u64,
        lease: Duration,
        limits: &Limits,
    ) -> Option<Verdict> {
        let place = self.kept(key, now, limits)?;
        Some(self.take(place, now, lease))
    }

    /// The verdict, and whether another key may be bound to the record.
    pub(super) fn claim(
        &mut self,
        key: &Hashed,
        bind: bool,
        now: u64,
        lease: Duration,
        limits: &Limits,
        evicted: &AtomicU64,
    ) -> (Verdict, bool) {
        let found = self.records.find(key);
        let place = match found.filter(|place| !self.records.get(*place).is_over(now, limits)) {
            Some(place) => place,
            None => {
                if let Some(over) = found {
                    self.forget(over);
                }
                if !self.make_room(now, limits, evicted) {
                    return (Verdict::Full, false);
                }
                self.add(key)
            }
        };
        let record = self.records.get_mut(place);
        let bound = bind && usize::from(record.aliases) < MAX_ALIASES;
        record.aliases += u8::from(bound);
        (self.take(place, now, lease), bound)
    }

    /// A record that was never claimed: as one whose lease is over, which is in no queue.
    fn add(&mut self, key: &Hashed) -> Place {
        let record = Record {
            at: 0,
            token: self.forgotten,
            attempt: 0,
            aliases: 0,
            state: State::Running,
        };
        self.records.insert(key, record)
    }

    /// FirstHandlers a record, if that can be.
    fn take(&mut self, place: Place, now: u64, lease: Duration) -> Verdict {
        let record = self.records.get_mut(place);
        let was = record.state;
        match was {
            State::Done => return Verdict::Done,
            State::Dead => return Verdict::Dead,
            State::Running if record.at > now => {
                return Verdict::Running {
                    lease_left: record.lease_left(now),
                };
            }
            State::Running | State::Released => {}
        }
        record.state = State::Running;
        record.at = now.saturating_add(millis(lease));
        record.token += 1;
        record.attempt = record.attempt.saturating_add(1);
        let granted = Verdict::Granted {
            token: record.token(),
            attempt: record.attempt,
        };
        if was == State::Released {
            self.records.unlink(&mut self.undone, place);
        }
        granted
    }

    pub(super) fn renew(&mut self, key: &Hashed, token: Token, now: u64, lease: Duration) -> Held {
        let Some(place) = self.held(key, token) else {
            return Held::Lost;
        };
        self.records.get_mut(place).at = now.saturating_add(millis(lease));
        Held::Yes
    }

    pub(super) fn finish(&mut self, key: &Hashed, token: Token, end: &End, now: u64) -> Held {
        let Some(place) = self.held(key, token) else {
            return Held::Lost;
        };
        let record = self.records.get_mut(place);
        record.at = now;
        let queue = match end {
            End::Done => {
                record.state = State::Done;
                &mut self.done
            }
            End::Release => {
                record.state = State::Released;
                &mut self.undone
            }
            End::Dead(_) => {
                record.state = State::Dead;
                &mut self.undone
            }
        };
        self.records.push(queue, place);
        Held::Yes
    }

    pub(super) fn status(&self, key: &Hashed, now: u64, limits: &Limits) -> Status {
        let Some(place) = self.kept(key, now, limits) else {
            return Status::Absent;
        };
        let record = self.records.get(place);
        let (token, attempt) = (record.token(), record.attempt);
        match record.state {
            State::Running => Status::Running {
                lease_left: record.lease_left(now),
                token,
                attempt,
            },
            State::Released => Status::Released { token, attempt },
            State::Done => Status::Done { token },
            State::Dead => Status::Dead { token },
        }
    }

    /// Where a record is whose retention is not over.
    fn kept(&self, key: &Hashed, now: u64, limits: &Limits) -> Option<Place> {
        let place = self.records.find(key)?;
        (!self.records.get(place).is_over(now, limits)).then_some(place)
    }

    /// Where the record is, if it runs under this token. A lease that ran out and was not taken still holds.
    fn held(&self, key: &Hashed, token: Token) -> Option<Place> {
        let place = self.records.find(key)?;
        let record = self.records.get(place);
        (record.state == State::Running && record.token() == token).then_some(place)
    }

    /// Forgets what was settled a retention ago; at the limit what was handled longest ago, or else one that was released or set
    /// aside. Says whether there is room.
    fn make_room(&mut self, now: u64, limits: &Limits, evicted: &AtomicU64) -> bool {
        let full = self.records.len() >= limits.records;
        if !self.turn.comes(limits) && !full {
            return true;
        }
        let Shard {
            records,
            done,
            undone,
            forgotten,
            ..
        } = self;
        let mut forget = |record: &Record| *forgotten = record.token.max(*forgotten);
        for queue in [&mut *done, undone] {
            // More than are added until the next time, so that there are ever fewer that are over, and few enough that nobody waits
            // for it.
            records.remove_first(queue, 2 * limits.together, |record| {
                let over = record.is_over(now, limits);
                if over {
                    forget(record);
                }
                over
            });
        }
        if records.len() < limits.records {
            return true;
        }
        let mut forget = |record: &Record| {
            forget(record);
            true
        };
        let early = match records.remove_first(done, limits.together, &mut forget) {
            0 => records.remove_first(undone, 1, &mut forget),
            early => early,
        };
        evicted.fetch_add(early as u64, Ordering::Relaxed);
        early > 0
    }

    /// Forgets a record that does not run.
    fn forget(&mut self, place: Place) {
        let queue = match self.records.get(place).state {
            State::Running => return,
            State::Done => &mut self.done,
            State::Released | State::Dead => &mut self.undone,
        };
        self.records.unlink(queue, place);
        let record = self.records.remove(place);
        self.forgotten = self.forgotten.max(record.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Key;

    const LEASE: Duration = Duration::from_millis(100);

    /// A shard with room for so many records, which keeps them for a second.
    struct Fixture(Shard, Limits);

    impl Fixture {
        fn new(records: usize) -> Self {
            let limits = Limits {
                retention: 1000,
                records,
                together: 1,
            };
            Fixture(Shard::default(), limits)
        }

        fn together(mut self, together: usize) -> Self {
            self.1.together = together;
            self
        }

        fn key(&self, n: u8) -> Hashed {
            Key::from_bytes([n; 16]).into()
        }

        fn holds(&self, n: u8, now: u64) -> bool {
            self.0.kept(&self.key(n), now, &self.1).is_some()
        }

        fn finish(&mut self, n: u8, token: Token, end: &End, now: u64) -> Held {
            self.0.finish(&self.key(n), token, end, now)
        }

        fn claim(&mut self, n: u8, now: u64) -> Verdict {
            let (key, evicted) = (self.key(n), AtomicU64::new(0));
            self.0.claim(&key, false, now, LEASE, &self.1, &evicted).0
        }

        fn settle(&mut self, n: u8, now: u64, end: &End) -> Token {
            let Verdict::Granted { token, .. } = self.claim(n, now) else {
                panic!("{n} is not granted")
            };
            assert_eq!(self.finish(n, token, end, now), Held::Yes);
            token
        }
    }

    #[test]
    fn an_owner_from_an_earlier_life_settles_nothing() {
        let mut fixture = Fixture::new(10);
        let old = fixture.settle(1, 0, &End::Done);
        let Verdict::Granted { token, attempt: 1 } = fixture.claim(1, 1000) else {
            panic!("its retention is over")
        };
        assert!(token > old);
        assert_eq!(fixture.finish(1, old, &End::Done, 1000), Held::Lost);
        assert_eq!(fixture.finish(1, token, &End::Done, 1000), Held::Yes);
    }

    /// Its life ends for lack of room, or when its retention is over; both times another event is claimed.
    #[test]
    fn an_owner_of_what_went_for_another_settles_nothing() {
        for (records, together, now) in [(1, 1, 2), (10, 1, 1002), (1, 8, 2)] {
            let mut fixture = Fixture::new(records).together(together);
            let old = [0, 1, 2].map(|now| fixture.settle(1, now, &End::Release))[2];
            fixture.settle(2, now, &End::Done);
            let Verdict::Granted { token, attempt: 1 } = fixture.claim(1, now) else {
                panic!("it was forgotten")
            };
            assert!(token > old);
            assert_eq!(fixture.finish(1, old, &End::Done, now), Held::Lost);
        }
    }

    #[test]
    fn a_lease_is_over_when_its_time_has_come() {
        let mut fixture = Fixture::new(10);
        fixture.claim(1, 0);
        assert_eq!(
            fixture.claim(1, 99),
            Verdict::Running {
                lease_left: Duration::from_millis(1)
            }
        );
        assert!(matches!(
            fixture.claim(1, 100),
            Verdict::Granted { attempt: 2, .. }
        ));
    }

    #[test]
    fn what_is_done_goes_before_what_is_not() {
        let mut fixture = Fixture::new(2);
        fixture.settle(1, 0, &End::Release);
        fixture.settle(2, 1, &End::Done);
        fixture.settle(3, 2, &End::Done);
        assert!(fixture.holds(1, 2) && !fixture.holds(2, 2));
        fixture.claim(3, 3);
        fixture.claim(4, 3);
        fixture.claim(5, 3);
        assert!(!fixture.holds(1, 3), "then what was released");
        assert_eq!(fixture.claim(6, 3), Verdict::Full);
    }

    #[test]
    fn an_event_that_fails_for_ever_takes_one_place() {
        let mut fixture = Fixture::new(10);
        for now in 0..10_000 {
            fixture.settle(1, now, &End::Release);
        }
        assert_eq!(fixture.0.len(), 1);
        assert_eq!(fixture.0.records.find(&fixture.key(1)), Some(0));
    }

    #[test]
    fn what_is_over_goes_a_few_at_a_time() {
        let mut fixture = Fixture::new(300).together(8);
        for n in 0..200 {
            fixture.settle(n, 0, &End::Done);
        }
        for n in 201..208 {
            fixture.claim(n, 1000);
        }
        assert_eq!(fixture.0.len(), 207);
        fixture.claim(208, 1000);
        assert_eq!(fixture.0.len(), 192, "two for each that was added");
        assert!(!fixture.holds(199, 1000), "over, though still there");
        for n in 209..=255 {
            fixture.claim(n, 1000);
        }
        assert_eq!(fixture.0.len(), 159);
    }

    #[test]
    fn a_few_that_are_done_go_together_and_no_more_of_the_others_than_must() {
        let mut fixture = Fixture::new(20).together(8);
        for n in 1..=3 {
            fixture.settle(n, 0, &End::Release);
        }
        for n in 4..=20 {
            fixture.settle(n, 0, &End::Done);
        }
        fixture.claim(21, 1);
        assert_eq!(fixture.0.len(), 13);
        assert!(!fixture.holds(11, 1) && fixture.holds(12, 1) && fixture.holds(1, 1));
        // Nine were left; after those, one that was released goes for each.
        for n in 22..=37 {
            fixture.claim(n, 1);
        }
        assert!(!fixture.holds(20, 1) && fixture.holds(1, 1), "none is left");
        for n in 38..=39 {
            fixture.claim(n, 1);
        }
        assert!(
            !fixture.holds(1, 1) && fixture.holds(3, 1),
            "the first of the others"
        );
    }

    #[test]
    fn nothing_goes_early_where_something_is_over() {
        let mut fixture = Fixture::new(20).together(8);
        for n in 1..=20 {
            fixture.settle(n, if n == 1 { 0 } else { 500 }, &End::Done);
        }
        fixture.claim(21, 1000);
        assert!(!fixture.holds(1, 1000) && fixture.holds(2, 1000));
    }
}
