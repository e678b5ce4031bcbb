//! The settings of workers.

use std::time::Duration;

use crate::limits::LONGEST;
use crate::run::Retry;

/// The order in which workers run accepted events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Order {
    /// No order. The events that are due the longest are begun first.
    #[default]
    None,
    /// The events of each entity one after the other, in the order of their own times, among those
    /// that have arrived. An event that fails holds the later events of its entity until it
    /// succeeds or is a dead letter. So does one that is paused, or that no worker has a handler
    /// for. Other entities are not held.
    PerEntity,
}

/// The settings of workers, which run accepted events. Give it to
/// [`Hooks::workers`](crate::Hooks::workers) or
/// [`HooksBuilder::workers`](crate::HooksBuilder::workers).
///
/// ```
/// use std::time::Duration;
/// use apideck_hooks::{Order, Retry, Workers};
///
/// let workers = Workers::new()
///     .concurrency(64)
///     .order(Order::PerEntity)
///     .retry(Retry::exponential(Duration::from_secs(10)).attempts(8))
///     .timeout(Duration::from_secs(300));
/// ```
#[derive(Clone, Debug)]
#[must_use = "workers do nothing before they are given to `workers`"]
pub struct Workers {
    pub(crate) concurrency: u32,
    pub(crate) order: Order,
    pub(crate) retry: Retry,
    pub(crate) timeout: Option<Duration>,
    pub(crate) poll: Duration,
    #[cfg(feature = "signal")]
    pub(crate) grace: Option<Duration>,
}

impl Workers {
    /// Makes the default settings.
    pub fn new() -> Self {
        Self {
            concurrency: 16,
            order: Order::None,
            retry: Retry::default(),
            timeout: None,
            poll: Duration::from_secs(1),
            #[cfg(feature = "signal")]
            grace: None,
        }
    }

    /// Sets the number of events that run at once in this process. Default: 16. Minimum: 1.
    pub fn concurrency(mut self, events: u32) -> Self {
        self.concurrency = events;
        self
    }

    /// Sets the order. Default: [`Order::None`]. All workers of a source must have the same one.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sets the policy by which a failed event runs again. Default: 12 attempts within 24 hours.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the time after which a running handler is stopped and its run counts as failed.
    /// Default: the [`handler_timeout`](crate::HooksBuilder::handler_timeout).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit.min(LONGEST));
        self
    }

    /// Sets the time between two looks at the inbox. Default: 1 second. Minimum: 10 milliseconds.
    ///
    /// Workers are told of new events and of ends in their own process. The looks find retries that
    /// have become due, and the events of other processes. Each pause is up to a fifth shorter or
    /// longer, so that many processes do not look at once.
    pub fn poll(mut self, pause: Duration) -> Self {
        self.poll = pause.clamp(Duration::from_millis(10), LONGEST);
        self
    }

    /// Ends workers without a receiver at `SIGTERM` and `SIGINT`, with this time for the events
    /// that run. Needs the feature `signal`.
    /// [`HooksBuilder::workers`](crate::HooksBuilder::workers) alone uses it, because workers
    /// beside a receiver end with its [`shutdown`](crate::Hooks::shutdown).
    #[cfg(feature = "signal")]
    pub fn shutdown_on_signal(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self::new()
    }
}
