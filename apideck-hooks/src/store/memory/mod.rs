//! The default store: in this process, forgotten at restart.

mod aliases;
mod index;
#[cfg(all(test, apideck_hooks_loom))]
mod interleavings;
mod limits;
mod shard;
mod table;
mod turn;

use super::{Claim, Claimed, End, Held, Status, Store, StoreError, Token};
use crate::delivery::Key;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use aliases::Aliases;
use async_trait::async_trait;
use limits::{Limits, millis};
use shard::Shard;
use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use table::{Hashed, MOST};
use tokio::time::Instant;

/// Remembers events in this process.
///
/// It needs nothing and costs about a microsecond an event. **It forgets at restart, and several processes do not
/// see each other's records**: an event that Apideck sends again after a restart is handled again, and one that is
/// set aside is not kept. Time is monotonic: setting the clock changes nothing.
///
/// At [capacity](MemoryStoreBuilder::capacity) the event that was handled longest ago is forgotten for a new one (a few of
/// them in a large store), then those that were released or set aside; an event that is being handled never is. A store
/// full of those grants no claim, which is answered `503`. It remembers as many delivery keys as events, those that were
/// bound last.
///
/// ```
/// use apideck_hooks::MemoryStore;
/// use std::time::Duration;
///
/// let store = MemoryStore::builder().capacity(100_000).retention(Duration::from_secs(6 * 60 * 60)).build();
/// ```
pub struct MemoryStore {
    shards: Box<[Apart<Mutex<Shard>>]>,
    /// Which record a delivery key is bound to. Locked before the record's shard, and one at a time.
    aliases: Box<[Apart<Mutex<Aliases>>]>,
    start: Instant,
    limits: Limits,
    evicted: Apart<AtomicU64>,
}

/// What has lines of the processor's cache for itself, which are fetched two by two: to use it does not hold up who uses its neighbour.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// What a [`MemoryStore`] may hold.
#[derive(Clone, Debug)]
pub struct MemoryStoreBuilder {
    capacity: usize,
    retention: Duration,
}

/// Below this many records a shard is not worth its lock, and the capacity is kept exactly.
const SHARD_FLOOR: usize = 1024;
const MAX_SHARDS: usize = 64;
/// Less than a fiftieth of such a shard.
const TOGETHER: usize = 16;

impl MemoryStoreBuilder {
    /// How many events it remembers, 1,000,000 by default, at least 1. Exact up to 2,047; above, the records are
    /// spread over shards. Each holds its share, and forgets up to sixteen at once when it is full: a full store may hold a
    /// sixtieth fewer.
    #[must_use]
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// How long it remembers an event after it was settled, 24 hours by default: Apideck's own retries end then.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// The store.
    pub fn build(self) -> MemoryStore {
        let shards = (self.capacity / SHARD_FLOOR).clamp(1, MAX_SHARDS);
        MemoryStore {
            shards: (0..shards).map(|_| Apart::default()).collect(),
            aliases: (0..shards).map(|_| Apart::default()).collect(),
            start: Instant::now(),
            limits: Limits {
                retention: millis(self.retention),
                records: self.capacity.div_ceil(shards).min(MOST),
                together: if shards == 1 { 1 } else { TOGETHER },
            },
            evicted: Apart(AtomicU64::new(0)),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::builder().build()
    }
}

impl MemoryStore {
    /// A store with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store with limits of your own.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            capacity: 1_000_000,
            retention: Duration::from_secs(24 * 60 * 60),
        }
    }

    /// How many events it remembers now, expired ones included that were not forgotten yet.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events were forgotten before their retention was over, for lack of room.
    pub fn evicted(&self) -> u64 {
        self.evicted.0.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }

    fn shard(&self, record: &Hashed) -> MutexGuard<'_, Shard> {
        lock(&self.shards[record.shard(self.shards.len())])
    }

    fn finish_now(&self, record: Key, token: Token, end: &End) -> Held {
        let record = record.into();
        self.shard(&record).finish(&record, token, end, self.now())
    }

    fn claim_now(&self, claim: &Claim) -> Claimed {
        let event = claim.event.into();
        // Held until the key is bound: the first delivery under it decides, whoever else comes.
        let mut delivery = claim.delivery.map(|key| {
            let key = Hashed::from(key);
            let aliases = lock(&self.aliases[key.shard(self.aliases.len())]);
            (key, aliases)
        });
        // Both locks before anything is looked for: what is looked for is all over the memory, and a lock waits until all
        // that was asked of the memory before it is there.
        let mut shard = self.shard(&event);
        if let Some((key, aliases)) = &delivery {
            aliases.fetch(key);
        }
        shard.fetch(&event);
        // Once the lock is held, here and below: what is settled later is settled at a later time.
        let mut now = self.now();
        let mut found = None;
        if let Some((key, aliases)) = &delivery {
            found = aliases.find(key);
            if let Some(record) = found.map(|place| aliases.record(place)) {
                let (other, key) = (record != claim.event, Hashed::from(record));
                if other {
                    // One record's lock at a time.
                    drop(shard);
                    shard = self.shard(&key);
                    now = self.now();
                }
                if let Some(verdict) = shard.claim_kept(&key, now, claim.lease, &self.limits) {
                    return Claimed { record, verdict };
                }
                if other {
                    drop(shard);
                    shard = self.shard(&event);
                    now = self.now();
                }
            }
        }
        let bind = delivery.is_some();
        let (verdict, bound) = shard.claim(&event, bind, now, claim.lease, &self.limits, &self.evicted.0);
        drop(shard);
        if let (true, Some((key, aliases))) = (bound, &mut delivery) {
            aliases.bind(key, found, claim.event, now, &self.limits);
        }
        Claimed {
            record: claim.event,
            verdict,
        }
    }
}

fn lock<T>(Apart(mutex): &Apart<Mutex<T>>) -> MutexGuard<'_, T> {
    // No code that can panic runs under these locks; if it did, a record is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each operation is a few map look-ups under a lock, now and then some dozens: nothing waits.
#[async_trait]
impl Store for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        Ok(self.claim_now(&claim))
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        let record = record.into();
        Ok(self.shard(&record).renew(&record, token, self.now(), lease))
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        Ok(self.finish_now(record, token, &end))
    }

    fn claim_at_once(&self, claim: &Claim) -> Option<Claimed> {
        Some(self.claim_now(claim))
    }

    fn finish_at_once(&self, record: Key, token: Token, end: &End) -> Option<Held> {
        Some(self.finish_now(record, token, end))
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        let record = record.into();
        Ok(self.shard(&record).status(&record, self.now(), &self.limits))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("evicted", &self.evicted())
            .finish_non_exhaustive()
    }
}
