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

/// 16 bytes of times and counts beside the key. In memory every claim is an attempt, so that the token is the attempt.
#[derive(Clone, Copy)]
struct Record {
    /// Milliseconds: when the lease of a running record ends, when any other was last changed.
    at: u64,
    attempt: u32,
    aliases: u8,
    state: State,
}

impl Record {
    fn token(&self) -> Token {
        Token(u64::from(self.attempt))
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
            self.records.remove(&key);
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
        for queue in [&mut self.done, &mut self.undone] {
            while let Some((key, at)) = queue.front()
                && at.saturating_add(limits.retention) <= now
            {
                if is_current(&self.records, key, *at) {
                    self.records.remove(key);
                }
                queue.pop_front();
            }
        }
    }

    /// Forgets the record that was settled longest ago, a done one if there is one.
    fn evict(&mut self) -> bool {
        for queue in [&mut self.done, &mut self.undone] {
            while let Some((key, at)) = queue.pop_front() {
                if is_current(&self.records, &key, at) {
                    self.records.remove(&key);
                    return true;
                }
            }
        }
        false
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
