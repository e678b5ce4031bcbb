//! The runner: the fields that all steps of a run share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::owners::Owners;
use super::phase::Phase;
use super::waiter_queues::Waiters;
use crate::limits::Limits;
use crate::observe::{About, IncidentKind, Observers, StoreOperation, StoreResult};
use crate::poll;
use crate::store::{Rests, Store, StoreError};

/// Maximum number of claims that are taken back at once. An outage of the store fails many claims,
/// and their leases end them too.
const MAX_TAKE_BACKS: usize = 64;

/// Runs handlers for events, each event once.
pub(crate) struct Runner {
    pub(super) store: Arc<dyn Store>,
    pub(super) limits: Limits,
    pub(super) rests: Rests,
    pub(super) observers: Arc<Observers>,
    pub(super) waiters: Waiters,
    pub(super) owners: Owners,
    pub(super) take_backs: Arc<Semaphore>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Runner {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        limits: &Limits,
        observers: &Arc<Observers>,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            rests: Rests::new(limits.rest.all()),
            limits: limits.clone(),
            observers: Arc::clone(observers),
            waiters: Waiters::default(),
            owners: Owners::default(),
            take_backs: Arc::new(Semaphore::new(MAX_TAKE_BACKS)),
            phase,
        })
    }

    /// Returns the number of duplicates that wait for a run.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiters.count() as u64
    }

    /// Counts and tells an incident.
    pub(crate) fn incident(&self, kind: IncidentKind, about: Option<&About>) {
        self.observers.incident(kind, about, None);
    }

    /// Counts and tells a call to the store that failed.
    pub(crate) fn store_failed(&self, error: &StoreError, about: Option<&About>) {
        let error = self.observers.any().then(|| error.to_string());
        self.observers
            .incident(IncidentKind::StoreFailed, about, error.as_deref());
    }

    /// Tells of the records that the store has given up.
    pub(super) fn look_for_losses(&self, now: Instant) {
        self.observers.look_for_losses(now, || {
            let losses = self.store.losses();
            [
                (IncidentKind::Evicted, losses.evicted),
                (IncidentKind::SweptUnfinished, losses.unfinished),
            ]
        });
    }

    /// Awaits a call to the store for at most `store_timeout`, and tells of it.
    pub(crate) async fn call<T>(
        &self,
        operation: StoreOperation,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let mut call = pin!(call);
        let (result, told) = match poll::once(call.as_mut()).await {
            // A store in memory is ready at once and needs no timer.
            Poll::Ready(result) => (result, StoreResult::Failed),
            Poll::Pending => match Box::pin(timeout(self.limits.store_timeout, call)).await {
                Ok(result) => (result, StoreResult::Failed),
                Err(_) => {
                    let limit = self.limits.store_timeout;
                    let error = StoreError::new(format!("no answer within {limit:?}"));
                    (Err(error), StoreResult::TimedOut)
                }
            },
        };
        let told = if result.is_ok() { StoreResult::Ok } else { told };
        self.observers.store_called(operation, told, || begun.elapsed());
        result
    }
}
