//! The setters of the inbox.

use std::time::Duration;

use super::builder::HooksBuilder;
use super::inbox_settings::InboxKind;
use crate::inbox::{InboxOf, IntoInbox};
use crate::run::Retry;

impl<R, S> HooksBuilder<R, S> {
    /// Accepts events at once, and leaves their handlers to [`Workers`](crate::Workers).
    ///
    /// An inbox of this crate is the store too:
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
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
    /// An [`Inbox`](crate::Inbox) of your own carries events to a worker that calls
    /// [`Hooks::work`](crate::Hooks::work). Set its store by [`store`](Self::store).
    ///
    /// A verified event is answered `200` when the inbox keeps it. A handler that is annotated with
    /// `inline` still runs before the answer.
    pub fn inbox(mut self, inbox: impl IntoInbox) -> Self {
        self.settings.inbox.inbox = match inbox.into_inbox() {
            InboxOf::Store(store) => {
                self.settings.store = store;
                InboxKind::OfStore
            }
            InboxOf::User(inbox) => InboxKind::OfUser(inbox),
        };
        self
    }

    /// Sets the policy by which [`Hooks::work`](crate::Hooks::work) lets a failed event run again.
    /// Default: 12 attempts within 24 hours. [`Workers::retry`](crate::Workers::retry) is that of
    /// workers.
    ///
    /// The time counts from the acceptance of the envelope here, pauses included. A pause that a
    /// handler asks for does not shorten that of the policy.
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
    /// Deliveries are then answered `503`, because a `200` would hide that nothing runs. One in a
    /// minute is accepted nevertheless, or one in this time if it is shorter. So an event that no
    /// worker has a handler for does not close the inbox to the events of workers that run.
    pub fn stalled_after(mut self, time: Duration) -> Self {
        self.settings.inbox.stalled_after = time;
        self
    }
}
