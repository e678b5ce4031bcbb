//! Building a receiver.

use super::build_error::{BuildError, BuildErrorKind};
use super::dispatch::Dispatcher;
use super::receiver::{Hooks, Receiver};
use crate::delivery::Identity;
use crate::handler::NoState;
use crate::limits::Limits;
use crate::observe::Counters;
use crate::router::{Entry, Routes};
use crate::run::{Phase, Runner};
use crate::signature::{Forms, Secret, Verifier};
use crate::store::{IntoStore, MemoryStore, Store};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Builds a [`Hooks`]. Only a [`secret`](HooksBuilder::secret) is required, all else has a default. A time limit over a
/// year counts as a year.
#[must_use = "a builder does nothing until `build`"]
pub struct HooksBuilder<R, S = NoState> {
    router: R,
    state: S,
    settings: Settings,
}

/// All settings but the handlers and their state.
struct Settings {
    secrets: Vec<String>,
    forms: Forms,
    store: Arc<dyn Store>,
    identity: Identity,
    source: String,
    limits: Limits,
}

impl Hooks {
    /// Starts a builder with the handlers of [`router!`](crate::router!). Only a secret is required.
    pub fn builder<R>(router: R) -> HooksBuilder<R> {
        HooksBuilder {
            router,
            state: NoState,
            settings: Settings {
                secrets: Vec::new(),
                forms: Forms::default(),
                store: Arc::new(MemoryStore::default()),
                identity: Identity::default(),
                source: String::new(),
                limits: Limits::default(),
            },
        }
    }
}

impl<R, S> HooksBuilder<R, S> {
    /// The key that Apideck signs with: your application's **API key**. Its UTF-8 bytes are used as they are.
    ///
    /// Call it again with the next key before you rotate it: any of them is accepted then.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.settings.secrets.push(secret.into());
        self
    }

    /// Several keys, any of which is accepted.
    pub fn secrets<T: Into<String>>(mut self, secrets: impl IntoIterator<Item = T>) -> Self {
        self.settings.secrets.extend(secrets.into_iter().map(Into::into));
        self
    }

    /// Which forms of the body a signature may be over; all that Apideck documents by default.
    pub fn forms(mut self, forms: Forms) -> Self {
        self.settings.forms = forms;
        self
    }

    /// What handlers take as [`State`](crate::State): one value, or a struct that derives [`FromRef`](crate::FromRef).
    pub fn state<T>(self, state: T) -> HooksBuilder<R, T> {
        HooksBuilder {
            router: self.router,
            state,
            settings: self.settings,
        }
    }

    /// Where events are remembered; a [`MemoryStore`] by default. An `Arc` of a store is shared. Handlers that take a `Tx`
    /// need one of that database.
    pub fn store(mut self, store: impl IntoStore) -> Self {
        self.settings.store = store.into_store();
        self
    }

    /// A namespace for the records, empty by default, so that several receivers can share a store. At most 255 bytes.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.settings.source = source.into();
        self
    }

    /// What makes two deliveries the same event; both keys by default.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.settings.identity = identity;
        self
    }

    /// The largest body that is read, in bytes; 1 MiB by default. A larger one is answered `413`.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.limits.body_limit = bytes;
        self
    }

    /// How long a body may take to arrive; 30 seconds by default. A slower one is answered `408`.
    pub fn body_deadline(mut self, deadline: Duration) -> Self {
        self.settings.limits.body_deadline = deadline;
        self
    }

    /// When to answer `503` although the handler is still running; 50 seconds by default, as Apideck gives up after 60.
    /// The handler goes on, and the next delivery gets its outcome. One that blocks its thread before it first waits for something
    /// cannot be answered for: use `spawn_blocking`.
    pub fn response_deadline(mut self, deadline: Duration) -> Self {
        self.settings.limits.response_deadline = deadline;
        self
    }

    /// How long a handler may run before it is stopped and counts as failed; 15 minutes by default.
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.settings.limits.handler_timeout = limit;
        self
    }

    /// How long a claim holds when its owner falls silent; 30 seconds by default, at least 100 milliseconds. It is renewed
    /// every third of that while the handler runs; a handler that blocks its thread for longer keeps the renewal from running,
    /// and the event can be taken from it: use `spawn_blocking`.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.limits.lease = lease;
        self
    }

    /// How long a duplicate waits for the outcome of the delivery that is running; 5 seconds by default.
    pub fn duplicate_wait(mut self, wait: Duration) -> Self {
        self.settings.limits.duplicate_wait = wait;
        self
    }

    /// How long one call to the store may take; 5 seconds by default, and at most half the lease.
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.settings.limits.store_timeout = limit;
        self
    }

    /// How often an event is tried before it is set aside; 8 times by default, at least once. Apideck delivers ten times
    /// at most, and disables the subscription over an event that is never acknowledged.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.limits.max_attempts = attempts;
        self
    }

    /// How many verified deliveries may be at work at once; 1,024 by default. More are answered `503`.
    pub fn max_in_flight(mut self, deliveries: u32) -> Self {
        self.settings.limits.max_in_flight = deliveries;
        self
    }

    /// Whether handlers run although the store is down. **They can run twice for an event then**: only for handlers
    /// whose effects are idempotent by themselves. Off by default, and the answer is `503`, as it always is for a handler that
    /// takes the store's transaction.
    pub fn fail_open(mut self, fail_open: bool) -> Self {
        self.settings.limits.fail_open = fail_open;
        self
    }

    /// The receiver, or what keeps it from being one.
    pub fn build(self) -> Result<Hooks, BuildError>
    where
        R: Routes<S>,
        S: Send + Sync + 'static,
    {
        let Self {
            router,
            state,
            settings,
        } = self;
        check(&settings)?;
        let Settings {
            secrets,
            forms,
            store,
            identity,
            source,
            limits,
        } = settings;
        let limits = limits.bounded();
        if secrets.is_empty() {
            return Err(BuildError(BuildErrorKind::NoSecret));
        }
        let secrets = secrets
            .into_iter()
            .map(Secret::new)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| BuildError(BuildErrorKind::Secret(error.to_string())))?;
        for entry in router.plan().entries() {
            check_store(entry, &*store)?;
        }
        let verifier =
            Verifier::new(secrets).map_err(|error| BuildError(BuildErrorKind::Secret(error.to_string())))?;
        let counters = Arc::new(Counters::default());
        let (phase, watched) = watch::channel(Phase::Open);
        let runner = Runner::new(
            Arc::clone(&store),
            source.clone(),
            limits.clone(),
            Arc::clone(&counters),
            watched,
        );
        let permits = Arc::new(Semaphore::new(limits.max_in_flight as usize));
        Ok(Hooks {
            receiver: Arc::new(Receiver {
                verifier: verifier.forms(forms),
                limits,
                dispatch: Arc::new(Dispatcher {
                    router,
                    state,
                    runner,
                    identity,
                    source,
                    counters: Arc::clone(&counters),
                }),
                store,
                counters,
                permits,
                phase,
            }),
        })
    }
}

fn check(Settings { limits, source, .. }: &Settings) -> Result<(), BuildError> {
    let wrong = |what: &'static str| Err(BuildError(BuildErrorKind::Limit(what)));
    let Limits {
        body_deadline,
        response_deadline,
        handler_timeout,
        store_timeout,
        ..
    } = limits;
    if [body_deadline, response_deadline, handler_timeout, store_timeout]
        .iter()
        .any(|time| time.is_zero())
    {
        return wrong(
            "body_deadline, response_deadline, handler_timeout and store_timeout must be over zero",
        );
    }
    if limits.lease < Duration::from_millis(100) {
        return wrong("lease must be at least 100 milliseconds");
    }
    if limits.body_limit == 0 {
        return wrong("body_limit must be over zero");
    }
    if limits.max_attempts == 0 {
        return wrong("max_attempts must be over zero");
    }
    if limits.max_in_flight == 0 || limits.max_in_flight as usize > Semaphore::MAX_PERMITS {
        return wrong("max_in_flight must be over zero, and at most what a semaphore of tokio holds");
    }
    if source.len() > 255 {
        return wrong("source must be at most 255 bytes");
    }
    Ok(())
}

/// Whether the store gives the transaction that the handler takes.
fn check_store(handler: &Entry, store: &dyn Store) -> Result<(), BuildError> {
    let Some(wanted) = handler.handler.transaction else {
        return Ok(());
    };
    let given = store.transactions().map(|transactions| transactions.database());
    if given == Some(wanted) {
        return Ok(());
    }
    Err(BuildError(BuildErrorKind::Transaction {
        handler: handler.name,
        wanted,
        given,
        store: store.type_name(),
    }))
}

impl<R, S> fmt::Debug for HooksBuilder<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HooksBuilder")
            .field("secrets", &self.settings.secrets.len())
            .field("limits", &self.settings.limits)
            .finish_non_exhaustive()
    }
}
