//! The settings of the inbox.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::build_error::BuildError;
use super::checks;
use super::receiver::Receiver;
use crate::inbox::{Acceptor, Gate, Inbox, Target};
use crate::limits::Limits;
use crate::observe::Observers;
use crate::run::{Phase, Retry, Runner};
use crate::signature::Seals;
use crate::store::Store;

/// The settings of the inbox.
pub(super) struct InboxSettings {
    pub(super) inbox: InboxKind,
    pub(super) retry: Retry,
    pub(super) max_waiting: u64,
    pub(super) stalled_after: Duration,
}

/// The inbox of a receiver, before it is built.
pub(super) enum InboxKind {
    None,
    OfStore,
    OfUser(Arc<dyn Inbox>),
}

/// Time after which a receiver without an inbox looks for accepted events.
const WORKERS_BEGIN_WITHIN: Duration = Duration::from_secs(5);

impl Default for InboxSettings {
    fn default() -> Self {
        Self {
            inbox: InboxKind::None,
            retry: Retry::default(),
            max_waiting: 100_000,
            stalled_after: Duration::from_secs(60 * 60),
        }
    }
}

impl InboxSettings {
    /// Tells if the receiver has an inbox.
    pub(super) fn any(&self) -> bool {
        !matches!(self.inbox, InboxKind::None)
    }

    /// Makes the acceptor of a receiver with an inbox.
    pub(super) fn acceptor(
        &self,
        store: &Arc<dyn Store>,
        source: &str,
        seals: &Seals,
        limits: &Limits,
        runner: &Arc<Runner>,
    ) -> Result<Option<Arc<Acceptor>>, BuildError> {
        let target = match &self.inbox {
            InboxKind::None => return Ok(None),
            InboxKind::OfStore => {
                checks::check_inbox(&**store)?;
                let bounds = (self.max_waiting, self.stalled_after, limits.store_timeout);
                Target::Store {
                    store: Arc::clone(store),
                    gate: Gate::new(store, source, bounds, runner),
                }
            }
            InboxKind::OfUser(inbox) => {
                checks::check_letters(&**store)?;
                Target::User {
                    inbox: Arc::clone(inbox),
                    seals: seals.clone(),
                }
            }
        };
        Ok(Some(Arc::new(Acceptor {
            target,
            runner: Arc::clone(runner),
        })))
    }

    /// Makes the runner of `Hooks::work`.
    pub(super) fn worker(
        &self,
        store: &Arc<dyn Store>,
        limits: &Limits,
        observers: &Arc<Observers>,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Runner> {
        let limits = Limits {
            max_attempts: self.retry.max_attempts(),
            ..limits.clone()
        };
        Runner::new(store, &limits, observers, phase)
    }
}

impl Receiver {
    /// Logs the number of accepted events that no worker of this process runs, because the receiver
    /// has no inbox any more.
    pub(super) fn log_accepted(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.store.inbox().is_none() {
            return;
        }
        // A store of one process is not held longer than its receiver, so that it can be opened
        // again.
        let receiver = Arc::downgrade(self);
        runtime.spawn(async move {
            sleep(WORKERS_BEGIN_WITHIN).await;
            let Some(receiver) = Weak::upgrade(&receiver) else {
                return;
            };
            let Some(inbox) = receiver.store.inbox() else {
                return;
            };
            if receiver.has_workers.load(Ordering::Relaxed) {
                return;
            }
            match inbox.backlog(&receiver.source, Duration::MAX).await {
                Ok(backlog) if backlog.waiting > 0 => tracing::error!(
                    waiting = backlog.waiting,
                    source = receiver.source,
                    "events that an inbox has accepted wait, and this receiver has no inbox: call \
                     `hooks.workers(Workers::new())` in one process to run them"
                ),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the accepted events could not be counted"),
            }
        });
    }
}
