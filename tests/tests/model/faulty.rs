//! A store with injected faults, shared by receivers that crash.

use apideck_hooks::store::{
    Claim, Claimed, Cursor, DeadLetterStore, DeadRecord, End, Grant, Held, Key, LetterFilter, Purged, Status,
    Store, StoreError, Verdict,
};
use apideck_hooks_tests::stranger::StrangerStore;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A fault of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    None,
    /// The call fails and has no effect.
    Fail,
    /// The call has its effect, and its response is lost.
    LoseResponse,
    /// The call has its effect later, even if the caller has gone.
    Late(Duration),
    /// The call has no effect and no response.
    Hang,
}

/// A period in which calls fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    /// Seconds from the start.
    pub(crate) from: u64,
    pub(crate) seconds: u64,
    /// `true` if only renewals fail.
    pub(crate) renewals: bool,
}

/// The store and its next faults. They survive a crash of a receiver.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<StrangerStore>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    outages: Arc<[Outage]>,
    start: Instant,
}

impl Shared {
    pub(crate) fn new(faults: &[Fault], outages: &[Outage]) -> Self {
        Shared {
            store: Arc::default(),
            faults: Arc::new(Mutex::new(faults.iter().copied().collect())),
            outages: outages.into(),
            start: Instant::now(),
        }
    }
}

/// The store as one receiver sees it.
pub(crate) struct Faulty {
    pub(crate) shared: Shared,
    /// Becomes `true` with a crash. After it no new call reaches the store.
    pub(crate) crashed: watch::Receiver<bool>,
}

/// A call that owns its arguments, so that another task can make it later.
type Call<T> = Box<dyn FnOnce(Arc<StrangerStore>) -> BoxFuture<'static, Result<T, StoreError>> + Send>;

/// Makes a [`Call`]: `call!(store => store.status(record))`.
macro_rules! call {
    ($store:ident => $call:expr) => {
        Box::new(move |$store: Arc<StrangerStore>| Box::pin(async move { $call.await }))
    };
}

impl Faulty {
    async fn call<T: Send + 'static>(&self, call: Call<T>) -> Result<T, StoreError> {
        self.call_in(false, call).await
    }

    async fn call_in<T: Send + 'static>(&self, renewal: bool, call: Call<T>) -> Result<T, StoreError> {
        if *self.crashed.borrow() {
            return pending().await;
        }
        let now = self.shared.start.elapsed().as_secs();
        let is_out = |outage: &Outage| {
            (outage.from..outage.from + outage.seconds).contains(&now) && (renewal || !outage.renewals)
        };
        if self.shared.outages.iter().any(is_out) {
            return Err(StoreError::new("an outage"));
        }
        let store = Arc::clone(&self.shared.store);
        let fault = self.shared.faults.lock().expect("no panic").pop_front();
        match fault.unwrap_or(Fault::None) {
            Fault::None => call(store).await,
            Fault::Fail => Err(StoreError::new("injected fault")),
            Fault::LoseResponse => {
                call(store).await?;
                Err(StoreError::new("injected: the response is lost"))
            }
            Fault::Late(by) => {
                let late = tokio::spawn(async move {
                    sleep(by).await;
                    call(store).await
                });
                late.await.map_err(StoreError::new)?
            }
            Fault::Hang => pending().await,
        }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.call(call!(store => store.claim(claim))).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.call_in(true, call!(store => store.renew(grant, lease)))
            .await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        self.call(call!(store => store.finish(grant, end))).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.call(call!(store => store.status(record))).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.call(call!(store => store.end_rest(record))).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }
}

/// Reads for a list have no faults, because they change nothing.
#[async_trait]
impl DeadLetterStore for Faulty {
    async fn list(
        &self,
        source: &str,
        filter: &LetterFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<DeadRecord>, StoreError> {
        self.shared.store.list(source, filter, before, limit).await
    }

    async fn count(&self, source: &str, filter: &LetterFilter) -> Result<u64, StoreError> {
        self.shared.store.count(source, filter).await
    }

    async fn sources(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.shared.store.sources().await
    }

    async fn get(&self, source: &str, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        let source = source.to_owned();
        self.call(call!(store => store.get(&source, record))).await
    }

    async fn replay(&self, source: &str, claim: Claim) -> Result<Option<Verdict>, StoreError> {
        let source = source.to_owned();
        self.call(call!(store => store.replay(&source, claim))).await
    }

    async fn purge(&self, source: &str, record: Key) -> Result<Purged, StoreError> {
        let source = source.to_owned();
        self.call(call!(store => store.purge(&source, record))).await
    }
}
