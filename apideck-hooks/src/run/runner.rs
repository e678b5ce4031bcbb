//! The runner: the fields that all steps of a run share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::owners::Owners;
use super::phase::Phase;
use super::waiter_queues::Waiters;
use crate::limits::Limits;
use crate::observe::Counters;
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
    pub(super) counters: Arc<Counters>,
    pub(super) waiters: Waiters,
    pub(super) owners: Owners,
    pub(super) take_backs: Arc<Semaphore>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Runner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        limits: Limits,
        counters: Arc<Counters>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self {
            store,
            rests: Rests::new(limits.rest.all()),
            limits,
            counters,
            waiters: Waiters::default(),
            owners: Owners::default(),
            take_backs: Arc::new(Semaphore::new(MAX_TAKE_BACKS)),
            phase,
        }
    }

    /// Awaits a call to the store for at most `store_timeout`.
    pub(super) async fn within_timeout<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut call = pin!(call);
        // A store in memory is ready at once and needs no timer.
        if let Poll::Ready(result) = poll::once(call.as_mut()).await {
            return result;
        }
        match Box::pin(timeout(self.limits.store_timeout, call)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::new(format!(
                "no answer within {:?}",
                self.limits.store_timeout
            ))),
        }
    }
}
