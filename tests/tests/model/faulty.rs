//! A store with injected faults, shared by receivers that crash.

use apideck_hooks::MemoryStore;
use apideck_hooks::store::{
    Claim, Claimed, Cursor, DeadLetterStore, DeadRecord, End, Held, Key, Status, Store, StoreError, Token,
};
use async_trait::async_trait;
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
    pub(crate) store: Arc<MemoryStore>,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    outages: Arc<[Outage]>,
    start: Instant,
}

impl Shared {
    pub(crate) fn new(store: MemoryStore, faults: &[Fault], outages: &[Outage]) -> Self {
        Shared {
            store: Arc::new(store),
            faults: Arc::new(Mutex::new(faults.iter().copied().collect())),
            outages: outages.into(),
            start: Instant::now(),
        }
    }
}

/// The store as one receiver sees it. It reports that it keeps dead letters, which is enough for
/// the responses.
pub(crate) struct Faulty {
    pub(crate) shared: Shared,
    /// Becomes `true` with a crash. After it no new call reaches the store.
    pub(crate) crashed: watch::Receiver<bool>,
}

impl Faulty {
    async fn call<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: AsyncCall<T>,
    {
        if *self.crashed.borrow() {
            return pending().await;
        }
        let now = self.shared.start.elapsed().as_secs();
        let is_out = |outage: &Outage| {
            (outage.from..outage.from + outage.seconds).contains(&now) && (F::RENEWS || !outage.renewals)
        };
        if self.shared.outages.iter().any(is_out) {
            return Err(StoreError::new("an outage"));
        }
        let store = Arc::clone(&self.shared.store);
        let fault = self.shared.faults.lock().expect("no panic").pop_front();
        match fault.unwrap_or(Fault::None) {
            Fault::None => call.on(store).await,
            Fault::Fail => Err(StoreError::new("injected fault")),
            Fault::LoseResponse => {
                call.on(store).await?;
                Err(StoreError::new("injected: the response is lost"))
            }
            Fault::Late(by) => {
                let late = tokio::spawn(async move {
                    sleep(by).await;
                    call.on(store).await
                });
                late.await.map_err(StoreError::new)?
            }
            Fault::Hang => pending().await,
        }
    }
}

/// A call that owns its arguments, so that another task can make it later.
#[async_trait]
trait AsyncCall<T>: Send + 'static {
    const RENEWS: bool = false;

    async fn on(self, store: Arc<MemoryStore>) -> Result<T, StoreError>;
}

#[async_trait]
impl AsyncCall<Claimed> for Claim {
    async fn on(self, store: Arc<MemoryStore>) -> Result<Claimed, StoreError> {
        store.claim(self).await
    }
}

struct Renewal(Key, Token, Duration);

#[async_trait]
impl AsyncCall<Held> for Renewal {
    const RENEWS: bool = true;

    async fn on(self, store: Arc<MemoryStore>) -> Result<Held, StoreError> {
        store.renew(self.0, self.1, self.2).await
    }
}

struct Finish(Key, Token, End);

#[async_trait]
impl AsyncCall<Held> for Finish {
    async fn on(self, store: Arc<MemoryStore>) -> Result<Held, StoreError> {
        store.finish(self.0, self.1, self.2).await
    }
}

#[async_trait]
impl AsyncCall<Status> for Key {
    async fn on(self, store: Arc<MemoryStore>) -> Result<Status, StoreError> {
        store.status(self).await
    }
}

#[async_trait]
impl Store for Faulty {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.call(claim).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.call(Renewal(record, token, lease)).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        self.call(Finish(record, token, end)).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.call(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }
}

#[async_trait]
impl DeadLetterStore for Faulty {
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
