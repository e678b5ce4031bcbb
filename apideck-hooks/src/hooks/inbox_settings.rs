//! The settings of the inbox.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::build_error::BuildError;
use super::builder::HooksBuilder;
use super::checks;
use super::receiver::Receiver;
use crate::inbox::{Acceptor, Gate, Inbox, InboxOf, IntoInbox, Target};
use crate::limits::Limits;
use crate::run::{Retry, Runner};
use crate::signature::Seals;
use crate::store::Store;

/// The settings of the inbox.
pub(super) struct InboxSettings {
    inbox: Kind,
    pub(super) retry: Retry,
    max_waiting: u64,
    stalled_after: Duration,
}

enum Kind {
    None,
    OfStore,
    OfUser(Arc<dyn Inbox>),
}

/// Time after which a receiver without an inbox looks for accepted events.
const WORKERS_BEGIN_WITHIN: Duration = Duration::from_secs(5);

impl Default for InboxSettings {
    fn default() -> Self {
        Self {
            inbox: Kind::None,
            retry: Retry::default(),
            max_waiting: 100_000,
            stalled_after: Duration::from_secs(60 * 60),
        }
    }
}

impl InboxSettings {
    /// Tells if the receiver has an inbox.
    pub(super) fn any(&self) -> bool {
        !matches!(self.inbox, Kind::None)
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
            Kind::None => return Ok(None),
            Kind::OfStore => {
                checks::check_inbox(&**store)?;
                let bounds = (self.max_waiting, self.stalled_after, limits.store_timeout);
                Target::Store {
                    store: Arc::clone(store),
                    gate: Gate::new(store, source, bounds, runner),
                }
            }
            Kind::OfUser(inbox) => {
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
}

impl<R, S> HooksBuilder<R, S> {
    /// Accepts events at once, and leaves their handlers to [`Workers`](crate::Workers).
    ///
    /// An inbox of this crate is the store too:
    ///
    /// ```no_run
    /// # async fn build() -> Result<(), Box<dyn std::error::Error>> {
    /// # use apideck_hooks::{Hooks, SqliteInbox, Workers, router};
    /// let hooks = Hooks::builder(router![..])
    ///     .secret("my-api-key")
    ///     .inbox(SqliteInbox::open("hooks.db").await?)
    ///     .build()?;
    /// hooks.workers(Workers::new()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// An [`Inbox`] of your own carries events to a worker that calls [`Hooks::work`]. Set its store
    /// by [`store`](Self::store).
    ///
    /// A verified event is answered `200` when the inbox keeps it. A handler that is annotated with
    /// `inline` still runs before the answer.
    pub fn inbox(mut self, inbox: impl IntoInbox) -> Self {
        self.settings.inbox.inbox = match inbox.into_inbox() {
            InboxOf::Store(store) => {
                self.settings.store = store;
                Kind::OfStore
            }
            InboxOf::User(inbox) => Kind::OfUser(inbox),
        };
        self
    }

    /// Sets the policy by which [`Hooks::work`] lets a failed event run again. Default: 12 attempts
    /// within 24 hours. [`Workers::retry`](crate::Workers::retry) is that of workers.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.inbox.retry = retry;
        self
    }

    /// Sets the number of accepted events from which on no more are accepted. Default: 100,000.
    ///
    /// Further deliveries are answered `503` with `Retry-After`. The number is an estimate, which
    /// several processes can pass.
    pub fn max_waiting(mut self, events: u64) -> Self {
        self.settings.inbox.max_waiting = events;
        self
    }

    /// Sets the time after which the inbox counts as stalled: an event has waited for so long
    /// although it could have run, and no worker has taken any event meanwhile. Default: 1 hour.
    ///
    /// Deliveries are then answered `503`, because a `200` would hide that nothing runs.
    pub fn stalled_after(mut self, time: Duration) -> Self {
        self.settings.inbox.stalled_after = time;
        self
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
