//! The default store: in this process, forgotten at a restart.
//!
//! # How it works
//!
//! Records and aliases are each spread over shards, and each shard has a lock. There are two
//! classes of locks. A claim with an alias takes the lock of the alias's shard first, and holds it
//! until the alias is bound. So of two events under one alias only the first gets a record. All
//! operations take at most one lock of a record's shard, and none while they hold another one of
//! that class. So no two operations wait for each other.
//!
//! An alias can be bound to a record that was removed. It then counts as unbound.

mod aliases;
#[cfg(all(test, apideck_hooks_loom))]
mod interleavings;
mod limits;
mod ordered_map;
mod shard;

use std::fmt;
use std::num::NonZero;
use std::sync::PoisonError;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::time::Instant;

use self::aliases::Aliases;
use self::limits::ShardLimits;
use self::ordered_map::MAX_LEN;
use self::shard::Shard;
use super::record::micros;
use super::{Claim, Claimed, End, Grant, Held, Internal, Losses, Status, Store, StoreError, Verdict};
use crate::delivery::Key;
use crate::sync::{Mutex, MutexGuard};

/// Remembers events in the memory of this process. The default store.
///
/// It needs no server and no file, and costs about a microsecond for each event. For that it
/// promises less than the other stores:
///
/// - **It forgets all events at a restart.** An event that Apideck sends again after the restart is
///   handled again.
/// - **It belongs to one process.** Several processes do not see each other's records, so each of
///   them handles an event once.
/// - **It keeps no dead letters.** An event that fails for good is answered `422`. Apideck sends it
///   up to ten times, and then disables the subscription (source: webhook guide).
///
/// At its [capacity](MemoryStoreBuilder::capacity) it evicts the record that became `DONE` first,
/// then the oldest of the other records that are not running. A running record is never evicted. A
/// store full of running records grants no claim, which is answered `503`. The store remembers as
/// many delivery keys as records.
///
/// The store reads the system's clock once, when it is made. After that its time is monotonic, so a
/// change of the clock has no effect.
///
/// ```
/// use std::time::Duration;
///
/// use apideck_hooks::MemoryStore;
///
/// let six_hours = Duration::from_secs(6 * 60 * 60);
/// let store = MemoryStore::builder().capacity(100_000).retention(six_hours).build();
/// ```
pub struct MemoryStore {
    records: Shards<Shard>,
    /// Locked before a shard of the records.
    aliases: Shards<Aliases>,
    limits: ShardLimits,
    start: Instant,
    /// Microseconds since the start of 1970. Tokens begin with it, so they grow over a restart.
    start_micros: u64,
}

/// Values that are spread by keys, each with a lock.
struct Shards<T>(Box<[Mutex<T>]>);

impl<T: Default> Shards<T> {
    fn new(number: usize) -> Self {
        Self((0..number).map(|_| Mutex::default()).collect())
    }

    fn of(&self, key: &Key) -> MutexGuard<'_, T> {
        // Half of a key is enough, because a key is a hash already. Loom needs the same choice in
        // every run, so it must not depend on a random number.
        let half = u128::from_le_bytes(key.to_bytes()) as u64;
        lock(&self.0[(half % self.0.len() as u64) as usize])
    }

    fn sum<N: std::iter::Sum>(&self, of: impl Fn(&T) -> N) -> N {
        self.0.iter().map(|shard| of(&lock(shard))).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic leaves a shard half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the limits of a [`MemoryStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct MemoryStoreBuilder {
    capacity: usize,
    retention: Duration,
}

/// With fewer records a shard is not worth its lock.
const MIN_SHARD: usize = 1024;
const MAX_SHARDS: usize = 64;
/// Fewer shards need less of a processor's cache, and more of them let more threads in at once.
const SHARDS_FOR_A_PROCESSOR: usize = 4;

/// Number of shards for this number of records. A power of two, so that at the default capacity the
/// shards are nearly full just before their memory doubles.
fn shards(capacity: usize) -> usize {
    let processors = available_parallelism().map_or(1, NonZero::get);
    let most = (SHARDS_FOR_A_PROCESSOR * processors).next_power_of_two();
    (capacity / MIN_SHARD).clamp(1, most.min(MAX_SHARDS))
}

impl MemoryStoreBuilder {
    /// Sets the maximum number of events. 1,000,000 by default, which take 200 MB. At least 1, and
    /// at most 4,294,967,293.
    ///
    /// A capacity up to 2,047 is exact. Beyond that, the records are spread over shards, 64 at the
    /// most, and each shard evicts when it holds its share.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.clamp(1, MAX_LEN);
        self
    }

    /// Sets how long a record is kept after its last change. The default is 48 hours.
    ///
    /// Choose more than 28 hours. Apideck's retries can take 27 hours and 48 minutes (source: the
    /// pauses of the webhook guide, which also says "within 24 hours"). With a shorter retention,
    /// an event can run again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Makes the store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let shards = shards(self.capacity);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        MemoryStore {
            records: Shards::new(shards),
            aliases: Shards::new(shards),
            limits: ShardLimits {
                retention: self.retention,
                records: self.capacity.div_ceil(shards),
            },
            start: Instant::now(),
            start_micros: micros(since_1970.unwrap_or_default()),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl MemoryStore {
    /// Makes a store with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a store with limits of your own.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            capacity: 1_000_000,
            retention: Duration::from_secs(48 * 60 * 60),
        }
    }

    /// Returns the number of records, including expired ones that were not removed yet.
    pub fn len(&self) -> usize {
        self.records.sum(Shard::len)
    }

    /// Tells if there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of records that were removed before they expired, because the store was
    /// full.
    pub fn evicted(&self) -> u64 {
        self.records.sum(Shard::evicted)
    }

    /// Microseconds since the start of 1970, by a clock that nobody sets.
    fn now(&self) -> u64 {
        self.start_micros.saturating_add(micros(self.start.elapsed()))
    }

    fn claim_now(&self, claim: &Claim) -> Claimed {
        let now = self.now();
        let Some(alias) = claim.alias else {
            return self.claim_event(claim, now);
        };
        let mut aliases = self.aliases.of(&alias);
        let bound = aliases.record(&alias, now);
        let claimed = bound
            .and_then(|record| self.claim_present(record, claim, now))
            .unwrap_or_else(|| self.claim_event(claim, now));
        let granted = matches!(claimed.verdict, Verdict::Granted { .. });
        if granted || bound == Some(claimed.record) {
            aliases.bind(alias, claimed.record, claim.lease, now, &self.limits);
        }
        claimed
    }

    /// Claims the record of the event.
    fn claim_event(&self, claim: &Claim, now: u64) -> Claimed {
        let mut shard = self.records.of(&claim.event);
        Claimed::new(claim.event, shard.claim(claim.event, claim, now, &self.limits))
    }

    /// Claims the record of an alias, if it is still there.
    fn claim_present(&self, record: Key, claim: &Claim, now: u64) -> Option<Claimed> {
        let mut shard = self.records.of(&record);
        let verdict = shard.claim_present(record, claim, now, &self.limits)?;
        Some(Claimed::new(record, verdict))
    }

    fn finish_now(&self, grant: &Grant, end: &End) -> Held {
        let now = self.now();
        self.records
            .of(&grant.record)
            .finish(grant, end, now, &self.limits)
    }
}

/// Each operation is a few look-ups under a lock, so no operation waits.
#[async_trait]
impl Store for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        Ok(self.claim_now(&claim))
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        let now = self.now();
        let mut shard = self.records.of(&grant.record);
        Ok(shard.renew(&grant, lease, now, &self.limits))
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        Ok(self.finish_now(&grant, &end))
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        Ok(self.records.of(&record).status(&record, self.now()))
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        Ok(self.records.of(&record).end_rest(record, self.now()))
    }

    fn losses(&self) -> Losses {
        Losses::new(self.evicted(), 0)
    }

    fn is_volatile(&self) -> bool {
        true
    }

    fn claim_without_future(&self, claim: &Claim, _: Internal) -> Option<Claimed> {
        Some(self.claim_now(claim))
    }

    fn finish_without_future(&self, grant: Grant, end: &End, _: Internal) -> Option<Held> {
        Some(self.finish_now(&grant, end))
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
