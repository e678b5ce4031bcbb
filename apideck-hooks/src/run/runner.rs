//! The runner: the fields that all steps of a run share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::active_transactions::ActiveTransactions;
use super::phase::Phase;
use super::waiter_queues::Waiters;
use crate::delivery::Keys;
use crate::limits::Limits;
use crate::observe::Counters;
use crate::poll;
use crate::signature::VerifiedText;
use crate::store::{Store, StoreError};

/// Runs handlers for events, each event once.
pub(crate) struct Runner {
    pub(super) store: Arc<dyn Store>,
    pub(super) source: String,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    pub(super) waiters: Waiters,
    pub(super) active_transactions: ActiveTransactions,
    pub(super) phase: watch::Receiver<Phase>,
}

/// One delivery, ready to run.
pub(crate) struct Job<'a, F> {
    pub(crate) keys: Keys,
    /// The current time or an earlier one. A lease is counted from it.
    pub(crate) now: Instant,
    /// The verified text. A dead letter keeps it.
    pub(crate) text: &'a VerifiedText,
    /// `true` for the replay of a dead letter. Any failure dead-letters the event again.
    pub(crate) replay: bool,
    /// Starts the handler. Its arguments are the attempt and the handler's transaction, if any.
    pub(crate) handler: F,
}

impl Runner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        source: String,
        limits: Limits,
        counters: Arc<Counters>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self {
            store,
            source,
            limits,
            counters,
            waiters: Waiters::default(),
            active_transactions: ActiveTransactions::default(),
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
