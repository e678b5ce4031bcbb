//! The records under one lock.

use super::{Limits, millis};
use crate::delivery::Key;
use crate::idempotency::store::{End, Held, MAX_ALIASES, Status, Token, Verdict};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
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

/// Records, and the settled ones in the order in which they were settled. An entry of a queue whose record was
/// changed since is passed over.
#[derive(Default)]
pub(super) struct Shard {
    records: HashMap<Key, Record>,
    done: VecDeque<(Key, u64)>,
    /// Released or dead.
    undone: VecDeque<(Key, u64)>,
    /// The greatest token of a record that was forgotten: a new one begins above it, so that an owner from a record's
    /// earlier life cannot settle a later one.
    forgotten: u64,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is a record, and its retention is not over.
    pub(super) fn holds(&self, key: &Key, now: u64, limits: &Limits) -> bool {
        self.records
            .get(key)
            .is_some_and(|record| !record.is_over(now, limits))
    }

    /// The verdict, and whether another key may be bound to the record.
    pub(super) fn claim(
        &mut self,
        key: Key,
        bind: bool,
        now: u64,
        lease: Duration,
        limits: &Limits,
        evicted: &AtomicU64,
    ) -> (Verdict, bool) {
        self.expire(now, limits);
        if !self.holds(&key, now, limits) {
            self.forget(&key);
            if self.records.len() >= limits.records {
                if !self.evict() {
                    return (Verdict::Full, false);
                }
                evicted.fetch_add(1, Ordering::Relaxed);
            }
            self.records.insert(
                key,
                Record {
                    at: now,
                    token: self.forgotten,
                    attempt: 0,
                    aliases: 0,
                    state: State::Released,
                },
            );
        }
        let Some(record) = self.records.get_mut(&key) else {
            return (Verdict::Full, false);
        };
        let bound = bind && usize::from(record.aliases) < MAX_ALIASES;
        record.aliases += u8::from(bound);
        let verdict = match record.state {
            State::Done => Verdict::Done,
            State::Dead => Verdict::Dead,
            State::Running if record.at > now => Verdict::Running {
                lease_left: record.lease_left(now),
            },
            State::Running | State::Released => {
                record.state = State::Running;
                record.at = now.saturating_add(millis(lease));
                record.token += 1;
                record.attempt = record.attempt.saturating_add(1);
                Verdict::Granted {
                    token: record.token(),
                    attempt: record.attempt,
                }
            }
        };
        (verdict, bound)
    }

    pub(super) fn renew(&mut self, key: &Key, token: Token, now: u64, lease: Duration) -> Held {
        match self.held(key, token) {
            Some(record) => {
                record.at = now.saturating_add(millis(lease));
                Held::Yes
            }
            None => Held::Lost,
        }
    }

    pub(super) fn finish(&mut self, key: &Key, token: Token, end: &End, now: u64) -> Held {
        let Some(record) = self.held(key, token) else {
            return Held::Lost;
        };
        record.at = now;
        record.state = match end {
            End::Done => State::Done,
            End::Release => State::Released,
            End::Dead(_) => State::Dead,
        };
        let queue = match end {
            End::Done => &mut self.done,
            End::Release | End::Dead(_) => &mut self.undone,
        };
        queue.push_back((*key, now));
        self.compact();
        Held::Yes
    }

    pub(super) fn status(&self, key: &Key, now: u64, limits: &Limits) -> Status {
        let Some(record) = self
            .records
            .get(key)
            .filter(|record| !record.is_over(now, limits))
        else {
            return Status::Absent;
        };
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

    /// The record, if it runs under this token. A lease that ran out and was not taken still holds.
    fn held(&mut self, key: &Key, token: Token) -> Option<&mut Record> {
        self.records
            .get_mut(key)
            .filter(|record| record.state == State::Running && record.token() == token)
    }

    /// Forgets what was settled a retention ago.
    fn expire(&mut self, now: u64, limits: &Limits) {
        let over = |queue: &VecDeque<(Key, u64)>| {
            let entry = queue.front().copied();
            entry.filter(|(_, at)| at.saturating_add(limits.retention) <= now)
        };
        while let Some((key, at)) = over(&self.done) {
            self.done.pop_front();
            self.forget_settled(&key, at);
        }
        while let Some((key, at)) = over(&self.undone) {
            self.undone.pop_front();
            self.forget_settled(&key, at);
        }
    }

    /// Forgets the record that was settled longest ago, a done one if there is one.
    fn evict(&mut self) -> bool {
        while let Some((key, at)) = self.done.pop_front().or_else(|| self.undone.pop_front()) {
            if self.forget_settled(&key, at) {
                return true;
            }
        }
        false
    }

    /// Forgets the record if it is still the one that was settled then.
    fn forget_settled(&mut self, key: &Key, at: u64) -> bool {
        let current = is_current(&self.records, key, at);
        if current {
            self.forget(key);
        }
        current
    }

    fn forget(&mut self, key: &Key) {
        if let Some(record) = self.records.remove(key) {
            self.forgotten = self.forgotten.max(record.token);
        }
    }

    /// An event that fails again and again leaves an entry each time: drop them before they outnumber the records.
    fn compact(&mut self) {
        let limit = 2 * self.records.len() + 32;
        let Shard { records, undone, .. } = self;
        if undone.len() > limit {
            undone.retain(|(key, at)| is_current(records, key, *at));
        }
    }
}

fn is_current(records: &HashMap<Key, Record>, key: &Key, at: u64) -> bool {
    records
        .get(key)
        .is_some_and(|record| record.state != State::Running && record.at == at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_millis(100);

    fn key(n: u8) -> Key {
        Key::from_bytes([n; 16])
    }

    /// A shard with room for so many records, which keeps them for a second.
    struct Fixture(Shard, Limits);

    impl Fixture {
        fn new(records: usize) -> Self {
            Fixture(
                Shard::default(),
                Limits {
                    retention: 1000,
                    records,
                },
            )
        }

        fn claim(&mut self, n: u8, now: u64) -> Verdict {
            self.0
                .claim(key(n), false, now, LEASE, &self.1, &AtomicU64::new(0))
                .0
        }

        fn settle(&mut self, n: u8, now: u64, end: &End) -> Token {
            let Verdict::Granted { token, .. } = self.claim(n, now) else {
                panic!("{n} is not granted")
            };
            assert_eq!(self.0.finish(&key(n), token, end, now), Held::Yes);
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
        assert_eq!(fixture.0.finish(&key(1), old, &End::Done, 1000), Held::Lost);
        assert_eq!(fixture.0.finish(&key(1), token, &End::Done, 1000), Held::Yes);
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
        assert!(fixture.0.holds(&key(1), 2, &fixture.1) && !fixture.0.holds(&key(2), 2, &fixture.1));
        fixture.claim(3, 3);
        fixture.claim(4, 3);
        fixture.claim(5, 3);
        assert!(!fixture.0.holds(&key(1), 3, &fixture.1), "then what was released");
        assert_eq!(fixture.claim(6, 3), Verdict::Full);
    }

    #[test]
    fn an_event_that_fails_for_ever_takes_one_place() {
        let mut fixture = Fixture::new(10);
        for now in 0..10_000 {
            fixture.settle(1, now, &End::Release);
        }
        assert!(
            fixture.0.len() == 1 && fixture.0.undone.len() < 100,
            "{}",
            fixture.0.undone.len()
        );
    }
}
