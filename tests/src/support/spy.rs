//! A store that counts what is asked of it, and can be told to fail.

use apideck_hooks::MemoryStore;
use apideck_hooks::store::{
    Claim, Claimed, Cursor, DeadLetters, DeadRecord, End, Held, Key, Status, Store, StoreError, Token,
    Verdict,
};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A store behind a watch, in memory by default; clones share it.
#[derive(Clone)]
pub struct Spy(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    claims: AtomicUsize,
    operations: AtomicUsize,
    fail_claims: AtomicBool,
    fail_finishes: AtomicUsize,
    fail_renewals: AtomicBool,
    durable: AtomicBool,
    hang: AtomicBool,
    lost_answers: AtomicUsize,
    last: Mutex<Option<Claimed>>,
    held: Mutex<HeldTimes>,
    lease: Mutex<Option<Duration>>,
}

/// When the store last held a claim for its owner.
#[derive(Default)]
struct HeldTimes {
    last: Option<Instant>,
    longest: Duration,
}

impl Default for Spy {
    fn default() -> Self {
        Spy::over(Arc::new(MemoryStore::new()))
    }
}

impl Spy {
    /// A spy on another store.
    pub fn over(store: Arc<dyn Store>) -> Self {
        Spy(Arc::new(Inner {
            store,
            claims: AtomicUsize::default(),
            operations: AtomicUsize::default(),
            fail_claims: AtomicBool::default(),
            fail_finishes: AtomicUsize::default(),
            fail_renewals: AtomicBool::default(),
            durable: AtomicBool::default(),
            hang: AtomicBool::default(),
            lost_answers: AtomicUsize::default(),
            last: Mutex::default(),
            held: Mutex::default(),
            lease: Mutex::default(),
        }))
    }

    /// All calls to the store.
    pub fn operations(&self) -> usize {
        self.0.operations.load(Ordering::SeqCst)
    }

    pub fn claims(&self) -> usize {
        self.0.claims.load(Ordering::SeqCst)
    }

    /// The last answer to a claim.
    pub fn last_claim(&self) -> Claimed {
        self.0.last.lock().expect("no panic").expect("a claim")
    }

    /// The status of the record that was claimed last.
    pub async fn last_status(&self) -> Status {
        self.0
            .store
            .status(self.last_claim().record)
            .await
            .expect("a status")
    }

    /// The longest time between two calls that held a claim: from the begin of one to the end of the next, or until now.
    /// A lease that is longer was renewed in time.
    pub fn longest_pause(&self) -> Duration {
        let held = self.0.held.lock().expect("no panic");
        let since = held.last.map_or(Duration::ZERO, |last| last.elapsed());
        held.longest.max(since)
    }

    /// Claims get this lease, whatever the receiver asks for: the receiver does not know that it lost the claim.
    pub fn lease(&self, lease: Duration) {
        *self.0.lease.lock().expect("no panic") = Some(lease);
    }

    fn held_since(&self, begin: Instant) {
        let mut held = self.0.held.lock().expect("no panic");
        let pause = held.last.map_or(Duration::ZERO, |last| last.elapsed());
        held.longest = held.longest.max(pause);
        held.last = Some(begin);
    }

    pub fn fail_claims(&self, fail: bool) {
        self.0.fail_claims.store(fail, Ordering::SeqCst);
    }

    pub fn fail_renewals(&self, fail: bool) {
        self.0.fail_renewals.store(fail, Ordering::SeqCst);
    }

    /// The next so many finishes fail.
    pub fn fail_finishes(&self, count: usize) {
        self.0.fail_finishes.store(count, Ordering::SeqCst);
    }

    /// The next so many finishes are done, and then fail.
    pub fn lose_finish_answers(&self, count: usize) {
        self.0.lost_answers.store(count, Ordering::SeqCst);
    }

    /// Claims never come back.
    pub fn hang(&self, hang: bool) {
        self.0.hang.store(hang, Ordering::SeqCst);
    }

    /// Says that it keeps dead letters.
    pub fn pretend_durable(&self) {
        self.0.durable.store(true, Ordering::SeqCst);
    }

    fn count(&self, fail: bool) -> Result<(), StoreError> {
        self.0.operations.fetch_add(1, Ordering::SeqCst);
        if fail {
            Err(StoreError::new("told to fail"))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Store for Spy {
    async fn claim(&self, mut claim: Claim) -> Result<Claimed, StoreError> {
        if let Some(lease) = *self.0.lease.lock().expect("no panic") {
            claim.lease = lease;
        }
        self.0.claims.fetch_add(1, Ordering::SeqCst);
        self.count(self.0.fail_claims.load(Ordering::SeqCst))?;
        if self.0.hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let begin = Instant::now();
        let claimed = self.0.store.claim(claim).await?;
        if matches!(claimed.verdict, Verdict::Granted { .. }) {
            self.held_since(begin);
        }
        *self.0.last.lock().expect("no panic") = Some(claimed);
        Ok(claimed)
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.count(self.0.fail_renewals.load(Ordering::SeqCst))?;
        let begin = Instant::now();
        let held = self.0.store.renew(record, token, lease).await?;
        self.held_since(begin);
        Ok(held)
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        let left = self.0.fail_finishes.load(Ordering::SeqCst);
        self.0
            .fail_finishes
            .store(left.saturating_sub(1), Ordering::SeqCst);
        self.count(left > 0)?;
        let begin = Instant::now();
        let held = self.0.store.finish(record, token, end).await?;
        self.held_since(begin);
        let lost = self.0.lost_answers.load(Ordering::SeqCst);
        self.0
            .lost_answers
            .store(lost.saturating_sub(1), Ordering::SeqCst);
        if lost > 0 {
            Err(StoreError::new("told to lose the answer"))
        } else {
            Ok(held)
        }
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.count(false)?;
        self.0.store.status(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetters> {
        if self.0.durable.load(Ordering::SeqCst) {
            Some(self)
        } else {
            self.0.store.dead_letters()
        }
    }
}

/// It only says that it keeps them: enough for the answers.
#[async_trait]
impl DeadLetters for Spy {
    async fn list(&self, _: Option<Cursor>, _: u32) -> Result<Vec<DeadRecord>, StoreError> {
        Err(StoreError::new("not kept"))
    }

    async fn get(&self, _: Key) -> Result<Option<DeadRecord>, StoreError> {
        Err(StoreError::new("not kept"))
    }

    async fn release(&self, _: Key) -> Result<bool, StoreError> {
        Err(StoreError::new("not kept"))
    }

    async fn purge(&self, _: Key) -> Result<bool, StoreError> {
        Err(StoreError::new("not kept"))
    }
}
