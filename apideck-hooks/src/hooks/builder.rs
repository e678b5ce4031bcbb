//! Building a receiver.

use super::engine::Handlers;
use super::{Edge, Hooks, Limits, Phase, Stats};
use crate::delivery::Identity;
use crate::handler::NoState;
use crate::idempotency::{MemoryStore, Runner, Store};
use crate::router::{Entry, Routes};
use crate::signature::{Secret, Texts, Verifier};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Builds a [`Hooks`]: [`secret`](HooksBuilder::secret) is needed, all else has a default. A time over a year counts as a
/// year.
#[must_use = "nothing happens before `build`"]
pub struct HooksBuilder<R, S = NoState> {
    router: R,
    state: S,
    secrets: Vec<String>,
    texts: Texts,
    store: Arc<dyn Store>,
    limits: Limits,
}

impl<R> HooksBuilder<R> {
    pub(super) fn new(router: R) -> Self {
        HooksBuilder {
            router,
            state: NoState,
            secrets: Vec::new(),
            texts: Texts::default(),
            store: Arc::new(MemoryStore::default()),
            limits: Limits::default(),
        }
    }
}

impl<R, S> HooksBuilder<R, S> {
    /// The key that Apideck signs with: your application's **API key**. Its UTF-8 bytes are used as they are.
    ///
    /// Call it again with the next key before you rotate it: any of them is accepted then.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Several keys, any of which is accepted.
    pub fn secrets<T: Into<String>>(mut self, secrets: impl IntoIterator<Item = T>) -> Self {
        self.secrets.extend(secrets.into_iter().map(Into::into));
        self
    }

    /// Which texts a signature may be over; all that Apideck documents by default.
    pub fn texts(mut self, texts: Texts) -> Self {
        self.texts = texts;
        self
    }

    /// What handlers take as [`State`](crate::State): one value, or a struct that derives [`FromRef`](crate::FromRef).
    pub fn state<T>(self, state: T) -> HooksBuilder<R, T> {
        let HooksBuilder {
            router,
            state: _,
            secrets,
            texts,
            store,
            limits,
        } = self;
        HooksBuilder {
            router,
            state,
            secrets,
            texts,
            store,
            limits,
        }
    }

    /// Where events are remembered; a [`MemoryStore`] by default. An `Arc` of a store is shared. Handlers that take a `Tx`
    /// need one of that database.
    pub fn store(mut self, store: impl IntoStore) -> Self {
        self.store = store.into_store();
        self
    }

    /// A namespace for the records, empty by default, so that several receivers can share a store. At most 255 bytes.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.limits.source = source.into();
        self
    }

    /// What makes two deliveries the same event; both keys by default.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.limits.identity = identity;
        self
    }

    /// The largest body that is read, in bytes; 1 MiB by default. A larger one is answered `413`.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.limits.body_limit = bytes;
        self
    }

    /// How long a body may take to arrive; 30 seconds by default. A slower one is answered `408`.
    pub fn body_deadline(mut self, deadline: Duration) -> Self {
        self.limits.body_deadline = deadline;
        self
    }

    /// When to answer `503` although the handler is still running; 50 seconds by default, as Apideck gives up after 60.
    /// The handler goes on, and the next delivery gets its outcome. One that blocks its thread before it first waits for something
    /// cannot be answered for: use `spawn_blocking`.
    pub fn response_deadline(mut self, deadline: Duration) -> Self {
        self.limits.response_deadline = deadline;
        self
    }

    /// How long a handler may run before it is stopped and counts as failed; 15 minutes by default.
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.limits.handler_timeout = limit;
        self
    }

    /// How long a claim holds when its owner falls silent; 30 seconds by default, at least 100 milliseconds. It is renewed
    /// every third of that while the handler runs; a handler that blocks its thread for longer keeps the renewal from running,
    /// and the event can be taken from it: use `spawn_blocking`.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.limits.lease = lease;
        self
    }

    /// How long a duplicate waits for the outcome of the delivery that is running; 5 seconds by default.
    pub fn duplicate_wait(mut self, wait: Duration) -> Self {
        self.limits.twin_wait = wait;
        self
    }

    /// How long one call to the store may take; 5 seconds by default, and at most half the lease.
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.limits.store_timeout = limit;
        self
    }

    /// How often an event is tried before it is set aside; 8 times by default, at least once. Apideck delivers ten times
    /// at most, and disables the subscription over an event that is never acknowledged.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.max_attempts = attempts;
        self
    }

    /// How many verified deliveries may be at work at once; 1,024 by default. More are answered `503`.
    pub fn max_in_flight(mut self, deliveries: u32) -> Self {
        self.limits.max_in_flight = deliveries;
        self
    }

    /// Whether handlers run although the store is down. **They can run twice for an event then**: only for handlers
    /// whose effects are idempotent by themselves. Off by default, and the answer is `503`, as it always is for a handler that
    /// takes the store's transaction.
    pub fn fail_open(mut self, fail_open: bool) -> Self {
        self.limits.fail_open = fail_open;
        self
    }

    /// The receiver, or what keeps it from being one.
    pub fn build(self) -> Result<Hooks, BuildError>
    where
        R: Routes<S>,
        S: Send + Sync + 'static,
    {
        let HooksBuilder {
            router,
            state,
            secrets,
            texts,
            store,
            limits,
        } = self;
        check(&limits)?;
        let limits = limits.bounded();
        if secrets.is_empty() {
            return Err(BuildError(Kind::NoSecret));
        }
        let secrets = secrets
            .into_iter()
            .map(Secret::new)
            .collect::<Result<Vec<_>, _>>();
        let secrets = secrets.map_err(|error| BuildError(Kind::Secret(error.to_string())))?;
        for handler in router.plan().entries() {
            check_store(handler, &*store)?;
        }
        let verifier = Verifier::new(secrets).map_err(|error| BuildError(Kind::Secret(error.to_string())))?;
        let stats = Arc::new(Stats::default());
        let (phase, watched) = watch::channel(Phase::Open);
        let runner = Runner::new(Arc::clone(&store), limits.clone(), Arc::clone(&stats), watched);
        let engine = Arc::new(Handlers {
            router,
            state,
            runner,
            limits: limits.clone(),
            stats: Arc::clone(&stats),
        });
        let permits = Arc::new(Semaphore::new(limits.max_in_flight as usize));
        let verifier = verifier.texts(texts);
        Ok(Hooks {
            edge: Arc::new(Edge {
                verifier,
                limits,
                engine,
                store,
                stats,
                permits,
                phase,
            }),
        })
    }
}

fn check(limits: &Limits) -> Result<(), BuildError> {
    let wrong = |what: &'static str| Err(BuildError(Kind::Limit(what)));
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
    if limits.source.len() > 255 {
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
    Err(BuildError(Kind::Transaction {
        handler: handler.name,
        wanted,
        given,
        store: store.type_name(),
    }))
}

impl<R, S> fmt::Debug for HooksBuilder<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HooksBuilder")
            .field("secrets", &self.secrets.len())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A store, or a shared one.
pub trait IntoStore {
    /// The store, shared.
    fn into_store(self) -> Arc<dyn Store>;
}

impl<T: Store> IntoStore for T {
    fn into_store(self) -> Arc<dyn Store> {
        Arc::new(self)
    }
}

impl<T: Store> IntoStore for Arc<T> {
    fn into_store(self) -> Arc<dyn Store> {
        self
    }
}

impl IntoStore for Arc<dyn Store> {
    fn into_store(self) -> Arc<dyn Store> {
        self
    }
}

/// Why a receiver could not be built.
#[derive(Debug)]
pub struct BuildError(Kind);

#[derive(Debug)]
enum Kind {
    NoSecret,
    Secret(String),
    Limit(&'static str),
    Transaction {
        handler: &'static str,
        wanted: &'static str,
        given: Option<&'static str>,
        store: &'static str,
    },
}

impl BuildError {
    /// Whether the secret is missing or cannot be used.
    pub fn is_secret(&self) -> bool {
        matches!(self.0, Kind::NoSecret | Kind::Secret(_))
    }

    /// Whether a limit makes no sense.
    pub fn is_limit(&self) -> bool {
        matches!(self.0, Kind::Limit(_))
    }

    /// Whether a handler takes a transaction that the store does not give.
    pub fn is_transaction(&self) -> bool {
        matches!(self.0, Kind::Transaction { .. })
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoSecret => {
                f.write_str("no secret: call `.secret(…)` with the API key of your Apideck application")
            }
            Kind::Secret(error) => write!(f, "the secret cannot be used: {error}"),
            Kind::Limit(what) => f.write_str(what),
            Kind::Transaction {
                handler,
                wanted,
                given,
                store,
            } => {
                write!(
                    f,
                    "the handler `{handler}` takes `Tx<{wanted}>`, and the store, a `{store}`, gives "
                )?;
                match given {
                    Some(given) => write!(f, "`Tx<{given}>`")?,
                    None => f.write_str("no transactions")?,
                }
                write!(f, ": call `.store(…)` with a `{wanted}Store`")
            }
        }
    }
}

impl std::error::Error for BuildError {}
