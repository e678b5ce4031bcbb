//! A store that counts its operations and can inject faults.

use crate::stranger::StrangerStore;
use apideck_hooks::MemoryStore;
use apideck_hooks::store::{
    Claim, Claimed, Cursor, DeadLetterStore, DeadRecord, End, Grant, Held, InboxStore, Key, LetterFilter,
    Losses, Purged, Status, Store, StoreError, Transactions, Verdict,
};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A wrapper around a store, by default around a memory store. Clones share it.
#[derive(Clone)]
pub struct Spy(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    claims: AtomicUsize,
    operations: AtomicUsize,
    fail_claims: AtomicBool,
    fail_finishes: AtomicUsize,
    fail_renewals: AtomicBool,
    hang: AtomicBool,
    hang_responses: AtomicBool,
    slow_letters: Mutex<Duration>,
    letters_left: AtomicUsize,
    lost_responses: AtomicUsize,
    lost_claims: AtomicUsize,
    last: Mutex<Option<Claimed>>,
    held: Mutex<Confirmations>,
    lease: Mutex<Option<Duration>>,
}

/// The times at which the store confirmed a claim.
#[derive(Default)]
struct Confirmations {
    last: Option<Instant>,
    longest: Duration,
}

impl Default for Spy {
    fn default() -> Self {
        Spy::over(Arc::new(MemoryStore::new()))
    }
}

impl Spy {
    /// Wraps a store.
    pub fn over(store: Arc<dyn Store>) -> Self {
        Spy(Arc::new(Inner {
            store,
            claims: AtomicUsize::default(),
            operations: AtomicUsize::default(),
            fail_claims: AtomicBool::default(),
            fail_finishes: AtomicUsize::default(),
            fail_renewals: AtomicBool::default(),
            hang: AtomicBool::default(),
            hang_responses: AtomicBool::default(),
            slow_letters: Mutex::default(),
            letters_left: AtomicUsize::new(usize::MAX),
            lost_responses: AtomicUsize::default(),
            lost_claims: AtomicUsize::default(),
            last: Mutex::default(),
            held: Mutex::default(),
            lease: Mutex::default(),
        }))
    }

    /// Wraps a store that keeps dead letters.
    pub fn with_letters() -> Self {
        Spy::over(Arc::new(StrangerStore::default()))
    }

    /// The number of operations.
    pub fn operations(&self) -> usize {
        self.0.operations.load(Ordering::SeqCst)
    }

    pub fn claims(&self) -> usize {
        self.0.claims.load(Ordering::SeqCst)
    }

    /// The result of the last claim.
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

    /// The longest time between two operations that confirmed a claim, from the start of one to the
    /// end of the next or until now. A longer lease was renewed in time.
    pub fn longest_pause(&self) -> Duration {
        let held = self.0.held.lock().expect("no panic");
        let since = held.last.map_or(Duration::ZERO, |last| last.elapsed());
        held.longest.max(since)
    }

    /// Overrides the lease of every claim. The receiver does not learn of it, so that it can lose a
    /// claim without noticing.
    pub fn lease(&self, lease: Duration) {
        *self.0.lease.lock().expect("no panic") = Some(lease);
    }

    fn confirmed(&self, begin: Instant) {
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

    /// Fails the next `count` finishes.
    pub fn fail_finishes(&self, count: usize) {
        self.0.fail_finishes.store(count, Ordering::SeqCst);
    }

    /// Carries out the next `count` finishes and then fails them.
    pub fn lose_finish_responses(&self, count: usize) {
        self.0.lost_responses.store(count, Ordering::SeqCst);
    }

    /// Carries out the next `count` claims and then fails them.
    pub fn lose_claim_responses(&self, count: usize) {
        self.0.lost_claims.store(count, Ordering::SeqCst);
    }

    /// Lets the reading of a dead letter take this time.
    pub fn slow_letters(&self, time: Duration) {
        *self.0.slow_letters.lock().expect("no panic") = time;
    }

    /// Lets operations on dead letters fail after this many.
    pub fn fail_letters_after(&self, count: usize) {
        self.0.letters_left.store(count, Ordering::SeqCst);
    }

    fn letters(&self) -> Result<&dyn DeadLetterStore, StoreError> {
        let left = &self.0.letters_left;
        let spend = |left: usize| left.checked_sub(1);
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend)
            .map_err(|_| StoreError::new("injected fault"))?;
        Ok(self.0.store.dead_letters().expect("dead letters"))
    }

    /// Lets the responses to claims hang.
    pub fn hang_responses(&self, hang: bool) {
        self.0.hang_responses.store(hang, Ordering::SeqCst);
    }

    /// Lets claims hang.
    pub fn hang(&self, hang: bool) {
        self.0.hang.store(hang, Ordering::SeqCst);
    }

    fn counted(&self, fail: bool) -> Result<(), StoreError> {
        self.0.operations.fetch_add(1, Ordering::SeqCst);
        if fail {
            Err(StoreError::new("injected fault"))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Store for Spy {
    fn losses(&self) -> Losses {
        self.0.store.losses()
    }

    async fn claim(&self, mut claim: Claim) -> Result<Claimed, StoreError> {
        if let Some(lease) = *self.0.lease.lock().expect("no panic") {
            claim.lease = lease;
        }
        self.0.claims.fetch_add(1, Ordering::SeqCst);
        self.counted(self.0.fail_claims.load(Ordering::SeqCst))?;
        if self.0.hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let begin = Instant::now();
        let claimed = self.0.store.claim(claim).await?;
        let lost = self.0.lost_claims.load(Ordering::SeqCst);
        self.0.lost_claims.store(lost.saturating_sub(1), Ordering::SeqCst);
        if lost > 0 {
            *self.0.last.lock().expect("no panic") = Some(claimed);
            return Err(StoreError::new("injected: the response is lost"));
        }
        if self.0.hang_responses.load(Ordering::SeqCst) {
            *self.0.last.lock().expect("no panic") = Some(claimed);
            std::future::pending::<()>().await;
        }
        if matches!(claimed.verdict, Verdict::Granted { .. }) {
            self.confirmed(begin);
        }
        *self.0.last.lock().expect("no panic") = Some(claimed);
        Ok(claimed)
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.counted(self.0.fail_renewals.load(Ordering::SeqCst))?;
        let begin = Instant::now();
        let held = self.0.store.renew(grant, lease).await?;
        self.confirmed(begin);
        Ok(held)
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        let left = self.0.fail_finishes.load(Ordering::SeqCst);
        self.0
            .fail_finishes
            .store(left.saturating_sub(1), Ordering::SeqCst);
        self.counted(left > 0)?;
        let begin = Instant::now();
        let held = self.0.store.finish(grant, end).await?;
        self.confirmed(begin);
        let lost = self.0.lost_responses.load(Ordering::SeqCst);
        self.0
            .lost_responses
            .store(lost.saturating_sub(1), Ordering::SeqCst);
        if lost > 0 {
            Err(StoreError::new("injected: the response is lost"))
        } else {
            Ok(held)
        }
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.counted(false)?;
        self.0.store.status(record).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.counted(false)?;
        self.0.store.end_rest(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.0.store.dead_letters().map(|_| self as &dyn DeadLetterStore)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        self.0.store.transactions()
    }

    fn inbox(&self) -> Option<&dyn InboxStore> {
        self.0.store.inbox()
    }

    fn is_shared(&self) -> bool {
        self.0.store.is_shared()
    }

    fn is_volatile(&self) -> bool {
        self.0.store.is_volatile()
    }
}

#[async_trait]
impl DeadLetterStore for Spy {
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        self.letters()?.list(source, filter, before, limit).await
    }

    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError> {
        self.letters()?.count(source, filter).await
    }

    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.letters()?.sources().await
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let time = *self.0.slow_letters.lock().expect("no panic");
        tokio::time::sleep(time).await;
        self.letters()?.get(source, record).await
    }

    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError> {
        self.letters()?.replay(source, claim).await
    }

    async fn purge(&self, source: &str, record: Key) -> Result<Purged, StoreError> {
        self.letters()?.purge(source, record).await
    }
}
