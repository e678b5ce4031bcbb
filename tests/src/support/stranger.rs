//! A store that another crate could have written, on the public interface alone.
//!
//! It is slow and forgets everything, and it keeps all records for ever. It decides as the rules of
//! `Store` say, with one lock around each operation.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apideck_hooks::store::{
    Claim, ClaimId, Claimed, Cursor, DeadLetter, DeadLetterStore, DeadRecord, End, Grant, Held, Key,
    LetterFilter, MAX_INTERRUPTED, Purged, RecordState, Status, Store, StoreError, Token, Verdict,
};
use async_trait::async_trait;
use tokio::time::Instant;

/// A store in memory that keeps dead letters. Its clock is tokio's, so that tests can pause it.
#[derive(Default)]
pub struct StrangerStore {
    records: Mutex<Records>,
    letters_full: AtomicBool,
    fail_replays: AtomicBool,
    lose_replays: AtomicBool,
}

#[derive(Default)]
struct Records {
    records: HashMap<Key, Record>,
    aliases: HashMap<Key, Key>,
}

struct Record {
    /// `None` while it runs.
    ended: Option<Kind>,
    token: Token,
    id: ClaimId,
    attempts: u32,
    interrupted: u8,
    lease_end: Instant,
    rest_end: Instant,
    first_seen: Instant,
    letter: Option<(i64, DeadLetter)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Done,
    Released,
    Dead,
    Withdrawn,
    Interrupted,
}

impl Record {
    fn new(now: Instant) -> Self {
        Self {
            ended: Some(Kind::Withdrawn),
            token: Token(0),
            id: ClaimId::random(),
            attempts: 0,
            interrupted: 0,
            lease_end: now,
            rest_end: now,
            first_seen: now,
            letter: None,
        }
    }

    fn state(&self, now: Instant) -> RecordState {
        let lease_left = self.lease_end.saturating_duration_since(now);
        match self.ended {
            None if !lease_left.is_zero() => RecordState::Running { lease_left },
            Some(Kind::Done) => RecordState::Done,
            _ if self.letter.is_some() => RecordState::Dead,
            _ => RecordState::Released {
                left: self.rest_end.saturating_duration_since(now),
            },
        }
    }

    fn grant(&mut self, claim: &Claim, now: Instant) -> Verdict {
        let clock = u64::try_from(micros_since_1970()).expect("a time after 1970");
        self.ended = None;
        self.token = Token(clock.max(self.token.0 + 1));
        self.id = claim.id;
        self.attempts += 1;
        self.lease_end = now + claim.lease;
        self.rest_end = now + claim.rests.after(self.attempts);
        self.granted()
    }

    fn granted(&self) -> Verdict {
        Verdict::Granted {
            token: self.token,
            attempt: self.attempts,
        }
    }

    /// Writes the claim's letter. Returns `true` if it did.
    fn write_last(&mut self, claim: &Claim, is_new: bool, now: Instant) -> bool {
        let Some(last) = &claim.last else { return false };
        let is_old = is_new || now.duration_since(self.first_seen) >= last.min_age;
        let writes = self.letter.is_none() && is_old;
        if writes {
            self.letter = Some((micros_since_1970(), last.letter.clone()));
        }
        writes
    }

    fn end(&mut self, end: End, now: Instant) {
        self.ended = Some(kind(&end));
        let interrupted = std::mem::take(&mut self.interrupted);
        match end {
            End::Done => self.letter = None,
            End::Release { rest } => self.rest_end = self.rest_end.max(now + rest),
            End::Dead { letter, began } => {
                self.letter = Some((micros_since_1970(), *letter));
                self.attempts -= u32::from(!began);
            }
            End::Interrupt if interrupted == MAX_INTERRUPTED => self.interrupted = interrupted,
            End::Interrupt | End::Withdraw => {
                self.interrupted = interrupted + u8::from(end == End::Interrupt);
                self.attempts -= 1;
                self.rest_end = now;
            }
            other => panic!("an end of a later version: {other:?}"),
        }
    }

    fn listed(&self, record: Key, source: &str) -> Option<DeadRecord> {
        let (at, letter) = self
            .letter
            .as_ref()
            .filter(|(_, letter)| letter.source == source)?;
        let running = matches!(self.state(Instant::now()), RecordState::Running { .. });
        Some(DeadRecord::new(
            record,
            *at,
            self.attempts,
            running,
            letter.clone(),
        ))
    }
}

fn kind(end: &End) -> Kind {
    match end {
        End::Done => Kind::Done,
        End::Dead { .. } => Kind::Dead,
        End::Withdraw => Kind::Withdrawn,
        End::Interrupt => Kind::Interrupted,
        _ => Kind::Released,
    }
}

fn micros_since_1970() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    i64::try_from(since.as_micros()).expect("a time before the year 294,000")
}

impl StrangerStore {
    /// Lets the claims of replays fail.
    pub fn fail_replays(&self, fail: bool) {
        self.fail_replays.store(fail, Ordering::SeqCst);
    }

    /// Loses the answer of the next replay's claim.
    pub fn lose_replay_response(&self) {
        self.lose_replays.store(true, Ordering::SeqCst);
    }

    /// Sets whether the store has no room for another dead letter.
    pub fn set_letters_full(&self, full: bool) {
        self.letters_full.store(full, Ordering::SeqCst);
    }

    fn has_room(&self) -> bool {
        !self.letters_full.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().expect("no panic under the lock")
    }

    /// Changes the record if the grant holds.
    fn held(&self, grant: Grant, change: impl FnOnce(&mut Record, Instant) -> Held) -> Held {
        match self.lock().records.get_mut(&grant.record) {
            Some(record) if (record.token, record.id) == (grant.token, grant.id) => {
                change(record, Instant::now())
            }
            _ => Held::Lost,
        }
    }

    fn letters(&self, source: &str, filter: &LetterFilter) -> Vec<DeadRecord> {
        let records = self.lock();
        let letters = records
            .records
            .iter()
            .filter_map(|(key, record)| record.listed(*key, source));
        letters
            .filter(|dead| filter.matches(&dead.letter.event_type, dead.cursor.at))
            .collect()
    }
}

#[async_trait]
impl Store for StrangerStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let now = Instant::now();
        let mut records = self.lock();
        let bound = claim.alias.and_then(|alias| records.aliases.get(&alias).copied());
        let key = bound.unwrap_or(claim.event);
        let is_new = !records.records.contains_key(&key);
        let record = records.records.entry(key).or_insert_with(|| Record::new(now));
        let state = record.state(now);
        if record.id == claim.id && matches!(state, RecordState::Running { .. }) {
            return Ok(Claimed::new(key, record.granted()));
        }
        let lettered =
            state != RecordState::Done && self.has_room() && record.write_last(&claim, is_new, now);
        let kept = record.letter.is_some();
        let verdict = match state {
            RecordState::Running { lease_left } => Verdict::Running { lease_left, kept },
            RecordState::Done => Verdict::Done,
            RecordState::Dead => Verdict::Dead { kept },
            RecordState::Released { left } if left.is_zero() => record.grant(&claim, now),
            _ if kept => Verdict::Dead { kept },
            RecordState::Released { left } => Verdict::Resting { left },
            other => return Err(StoreError::new(format!("a state of a later version: {other:?}"))),
        };
        if let (Verdict::Granted { .. }, Some(alias)) = (verdict, claim.alias) {
            records.aliases.insert(alias, key);
        }
        Ok(Claimed::new(key, verdict).lettered(lettered))
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        Ok(self.held(grant, |record, now| {
            if record.ended.is_some() {
                return Held::Lost;
            }
            record.lease_end = now + lease;
            Held::Yes
        }))
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        let has_room = self.has_room();
        Ok(self.held(grant, |record, now| match record.ended {
            None if matches!(end, End::Dead { .. }) && record.letter.is_none() && !has_room => Held::NoRoom,
            None => {
                record.end(end, now);
                Held::Yes
            }
            Some(ended) if ended == kind(&end) => Held::Yes,
            Some(_) => Held::Lost,
        }))
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        Ok(self.lock().records.get(&record).map_or(Status::ABSENT, |record| {
            let state = record.state(Instant::now());
            Status::new(state, record.token, record.attempts, record.letter.is_some())
        }))
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        let now = Instant::now();
        let mut records = self.lock();
        let Some(record) = records.records.get_mut(&record) else {
            return Ok(false);
        };
        let rested = matches!(record.state(now), RecordState::Released { left } if !left.is_zero());
        if rested {
            record.rest_end = now;
        }
        Ok(rested)
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }
}

#[async_trait]
impl DeadLetterStore for StrangerStore {
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        let mut letters = self.letters(source, filter);
        letters.retain(|dead| before.is_none_or(|before| dead.cursor < before));
        letters.sort_by_key(|dead| std::cmp::Reverse(dead.cursor));
        // A page can be shorter than its limit.
        letters.truncate(limit.min(2) as usize);
        Ok(letters)
    }

    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError> {
        Ok(self.letters(source, filter).len() as u64)
    }

    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut sources = BTreeMap::new();
        for (_, letter) in self
            .lock()
            .records
            .values()
            .filter_map(|record| record.letter.as_ref())
        {
            *sources.entry(letter.source.clone()).or_default() += 1;
        }
        Ok(sources.into_iter().collect())
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let mut letters = self.letters(source, &LetterFilter::new());
        letters.retain(|dead| dead.record == record);
        Ok(letters.pop())
    }

    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError> {
        if self.fail_replays.load(Ordering::SeqCst) {
            return Err(StoreError::new("the store is away"));
        }
        let now = Instant::now();
        let mut records = self.lock();
        let Some(record) = records.records.get_mut(&claim.event) else {
            return Ok(None);
        };
        if record.listed(claim.event, source).is_none() {
            return Ok(None);
        }
        let verdict = match record.state(now) {
            RecordState::Running { .. } if record.id == claim.id => record.granted(),
            RecordState::Running { lease_left } => Verdict::Running {
                lease_left,
                kept: true,
            },
            _ => record.grant(&claim, now),
        };
        if self.lose_replays.swap(false, Ordering::SeqCst) {
            return Err(StoreError::new("the answer is lost"));
        }
        Ok(Some(verdict))
    }

    async fn purge(&self, source: &str, key: Key) -> Result<Purged, StoreError> {
        let mut records = self.lock();
        let Some(record) = records.records.get_mut(&key) else {
            return Ok(Purged::Unknown);
        };
        match record.listed(key, source) {
            None => Ok(Purged::Unknown),
            Some(dead) if dead.running => Ok(Purged::Busy),
            Some(_) => {
                record.ended = Some(Kind::Done);
                record.token.0 += 1;
                record.letter = None;
                Ok(Purged::Yes)
            }
        }
    }
}
