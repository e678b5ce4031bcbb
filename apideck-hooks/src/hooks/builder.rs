//! The receiver's settings.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::request::Parts;
use tokio::sync::{Semaphore, watch};

use super::build_error::{BuildError, BuildErrorKind};
use super::checks;
use super::dispatch::{Dispatcher, LogLimits};
use super::inbox_settings::InboxSettings;
use super::into_secret::IntoSecret;
use super::receiver::{Hooks, Receiver, TakeContext};
use super::store_use::StoreUse;
use crate::budget::Budget;
use crate::delivery::{Context, Identity};
use crate::handler::NoState;
use crate::limits::{Limits, Rest};
use crate::observe::{Observe, Observers};
use crate::router::Routes;
use crate::run::{Phase, Runner};
use crate::signature::{Forms, Secret, SecretError, Verifier};
use crate::store::{IntoStore, MemoryStore, Store};

/// Builds a [`Hooks`].
///
/// Only a [`secret`](HooksBuilder::secret) is required. Every other setting has a default. A time
/// limit of more than a year counts as a year.
#[must_use = "a builder does nothing until `build`"]
pub struct HooksBuilder<R, S = NoState> {
    router: R,
    state: S,
    pub(super) settings: Settings,
}

/// The settings, without the handlers and their state.
pub(super) struct Settings {
    pub(super) secrets: Vec<Result<Secret, SecretError>>,
    pub(super) forms: Forms,
    pub(super) store: Arc<dyn Store>,
    identity: Identity,
    source: String,
    context: Option<Arc<TakeContext>>,
    observers: Vec<Box<dyn Observe>>,
    limits: Limits,
    pub(super) inbox: InboxSettings,
}

impl Hooks {
    /// Starts a builder with the handlers of [`router!`](macro.router.html).
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
                context: None,
                observers: Vec::new(),
                limits: Limits::default(),
                inbox: InboxSettings::default(),
            },
        }
    }
}

impl<R, S> HooksBuilder<R, S> {
    /// Adds a secret under which signatures are accepted: the **API key** of your Apideck
    /// application.
    ///
    /// Apideck signs with the key's UTF-8 bytes (signature guide). To rotate the key, add the next
    /// key beforehand by a second call. A signature under any of the keys is accepted.
    ///
    /// [`Secret::from_env`] reads it from the environment, with an error that names the variable.
    pub fn secret(mut self, secret: impl IntoSecret) -> Self {
        self.settings.secrets.push(secret.into_secret());
        self
    }

    /// Adds several secrets. A signature under any of them is accepted.
    pub fn secrets<T: IntoSecret>(mut self, secrets: impl IntoIterator<Item = T>) -> Self {
        let secrets = secrets.into_iter().map(IntoSecret::into_secret);
        self.settings.secrets.extend(secrets);
        self
    }

    /// Sets the forms of the body that a signature can be over. Default: all forms that Apideck
    /// documents.
    pub fn forms(mut self, forms: Forms) -> Self {
        self.settings.forms = forms;
        self
    }

    /// Sets the state that handlers take as [`State`](crate::State).
    ///
    /// The state is one value, or a struct that derives [`FromRef`](crate::FromRef).
    pub fn state<T>(self, state: T) -> HooksBuilder<R, T> {
        HooksBuilder {
            router: self.router,
            state,
            settings: self.settings,
        }
    }

    /// Sets the store, or an `Arc` of a store. Default: a [`MemoryStore`].
    ///
    /// A handler that takes a `Tx` needs the store of that database.
    pub fn store(mut self, store: impl IntoStore) -> Self {
        self.settings.store = store.into_store();
        self
    }

    /// Sets the namespace of the records and dead letters, such as the name of your service.
    /// Default: the empty string. Maximum: 255 bytes.
    ///
    /// A store that several services can share (PostgreSQL, Redis) needs one, because two services
    /// with one source take each other's events for duplicates. All processes of one service have
    /// the same source. A receiver neither lists, replays nor purges another source's dead letters.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.settings.source = source.into();
        self
    }

    /// Sets the keys by which duplicates are found. Default: [`Identity::EventAndHeader`].
    pub fn identity(mut self, identity: Identity) -> Self {
        self.settings.identity = identity;
        self
    }

    /// Sets the function that takes the user's own values from a verified request, such as a tenant
    /// from the path.
    ///
    /// A handler reads them by [`Delivery::context`](crate::Delivery::context), and a dead letter
    /// keeps them for its replay. **They are not signed.** The function must not block. If it
    /// panics, the delivery is answered `500`.
    ///
    /// ```
    /// # use apideck_hooks::{Context, Hooks, router};
    /// let hooks = Hooks::builder(router![..]).secret("key").context(|request| {
    ///     let mut context = Context::new();
    ///     // A path that is too long for a context is left out.
    ///     let _ = context.insert("path", request.uri.path());
    ///     context
    /// });
    /// ```
    pub fn context(mut self, take: impl Fn(&Parts) -> Context + Send + Sync + 'static) -> Self {
        self.settings.context = Some(Arc::new(take));
        self
    }

    /// Sets the maximum length of a body in bytes. Default: 1 MiB. Minimum: 1 byte.
    ///
    /// A longer body is answered `413`.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.limits.body_limit = bytes;
        self
    }

    /// Sets the memory in bytes of all bodies that are being received. Default: 64 MiB. Minimum:
    /// [`body_limit`](Self::body_limit).
    ///
    /// The first 32 KiB of each body do not count. Beyond the budget the slowest body is cut and
    /// answered `503`, so that strangers who send many bodies slowly cannot fill the memory.
    pub fn body_budget(mut self, bytes: usize) -> Self {
        self.settings.limits.body_budget = bytes;
        self
    }

    /// Sets the time within which a body must arrive. Default: 30 seconds.
    ///
    /// A slower body is answered `408`.
    pub fn body_deadline(mut self, deadline: Duration) -> Self {
        self.settings.limits.body_deadline = deadline;
        self
    }

    /// Sets the time after which a request is answered although its handler is still running.
    /// Default: 50 seconds, because Apideck gives up after 60 seconds (webhook guide).
    ///
    /// The answer is `503` with `Retry-After`. The handler goes on, and the next delivery of the
    /// event gets its outcome. A handler that blocks its thread before its first `.await` also
    /// delays this answer. Use tokio's `spawn_blocking` for blocking work.
    pub fn response_deadline(mut self, deadline: Duration) -> Self {
        self.settings.limits.response_deadline = deadline;
        self
    }

    /// Sets the time after which a running handler is stopped and its run counts as failed.
    /// Default: 15 minutes.
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.settings.limits.handler_timeout = limit;
        self
    }

    /// Sets the length of a claim's lease. Default: 30 seconds. Minimum: 100 milliseconds.
    ///
    /// If a process dies, its events can be claimed again when their leases and their
    /// [rests](Self::rest) have ended. The lease is renewed every third of its length while the
    /// handler runs. A handler that blocks its
    /// thread for longer prevents the renewal, and another delivery can claim the event. Use
    /// tokio's `spawn_blocking` for blocking work.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.limits.lease = lease;
        self
    }

    /// Sets the time for which a duplicate waits for the outcome of the running handler. Default: 5
    /// seconds.
    ///
    /// After that the duplicate is answered `503` with `Retry-After`.
    pub fn duplicate_wait(mut self, wait: Duration) -> Self {
        self.settings.limits.duplicate_wait = wait;
        self
    }

    /// Sets the time limit of one call to the store. Default: 5 seconds. Maximum: half the lease. A
    /// longer limit counts as half the lease.
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.settings.limits.store_timeout = limit;
        self
    }

    /// Sets the number of attempts after which a failing event is dead-lettered. Default: 8.
    /// Minimum: 1.
    ///
    /// Apideck delivers an event at most ten times (webhook guide). It disables the subscription
    /// over an event that is never acknowledged (OpenAPI description 10.34.0, `disabled_reason`).
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.limits.max_attempts = attempts;
        self
    }

    /// Sets the rest of an event after a run that failed. Default: [`Rest::Apideck`].
    ///
    /// While an event rests, its deliveries are answered `503` with the time left.
    /// [`Hooks::end_rest`] ends one rest.
    pub fn rest(mut self, rest: Rest) -> Self {
        self.settings.limits.rest = rest;
        self
    }

    /// Sets the longest rest that a handler can ask for with
    /// [`Failure::retry_after`](crate::Failure::retry_after). Default: 1 hour.
    pub fn max_retry_after(mut self, longest: Duration) -> Self {
        self.settings.limits.max_retry_after = longest;
        self
    }

    /// Sets the maximum number of verified deliveries in flight. Default: 1,024. Minimum: 1.
    ///
    /// A delivery beyond it is answered `503` with `Retry-After`.
    pub fn max_in_flight(mut self, deliveries: u32) -> Self {
        self.settings.limits.max_in_flight = deliveries;
        self
    }

    /// Lets handlers run while the store is down. Default: `false`, which answers `503`.
    ///
    /// **A handler can then run twice for an event.** Set this only if the effects of all handlers
    /// are idempotent. A handler that takes the store's transaction never runs without the store.
    pub fn fail_open(mut self, fail_open: bool) -> Self {
        self.settings.limits.fail_open = fail_open;
        self
    }

    /// Adds an observer, which is told of everything that happens. Default: none.
    pub fn observe(mut self, observer: impl Observe) -> Self {
        self.settings.observers.push(Box::new(observer));
        self
    }

    /// Builds the receiver.
    ///
    /// # Errors
    ///
    /// A secret is missing or empty, a limit is out of its range, a handler takes a transaction
    /// that the store does not have or cannot begin in time, a shared store has no source, or
    /// another receiver of this process uses the store under the same source. An inbox of your own
    /// needs a store that keeps dead letters.
    pub fn build(self) -> Result<Hooks, BuildError>
    where
        R: Routes<S>,
        S: Send + Sync + 'static,
    {
        let mut builder = self;
        let secrets = std::mem::take(&mut builder.settings.secrets);
        let verifier = checks::verifier(secrets, builder.settings.forms)?;
        builder.build_with(verifier)
    }

    /// Builds the receiver with this verifier.
    pub(super) fn build_with(self, verifier: Verifier) -> Result<Hooks, BuildError>
    where
        R: Routes<S>,
        S: Send + Sync + 'static,
    {
        let (router, state) = (self.router, self.state);
        let Settings {
            store,
            identity,
            source,
            context,
            observers,
            limits,
            inbox,
            ..
        } = self.settings;
        checks::check_limits(&limits, &source, &*store)?;
        let limits = limits.bounded();
        checks::check_store(&*store, &source, router.plan().entries(), limits.store_timeout)?;
        let Some(store_use) = StoreUse::begin(&store, &source) else {
            return Err(BuildError(BuildErrorKind::StoreInUse { source }));
        };
        let observers = Arc::new(Observers::new(observers));
        let (phase, watched) = watch::channel(Phase::Open);
        let runner = Runner::new(&store, &limits, &observers, watched.clone());
        let seals = verifier.seals();
        let acceptor = inbox.acceptor(&store, &source, &seals, &limits, &runner)?;
        let worker = inbox.worker(&store, &limits, &observers, watched);
        let dispatcher = Dispatcher {
            router,
            state,
            runner,
            acceptor,
            identity,
            source: source.clone(),
            observers: Arc::clone(&observers),
            log: LogLimits::default(),
        };
        let receiver = Receiver {
            verifier,
            permits: Arc::new(Semaphore::new(limits.max_in_flight as usize)),
            budget: Budget::new(limits.body_budget),
            limits,
            dispatch: Arc::new(dispatcher),
            store,
            source,
            context,
            _store_use: store_use,
            observers,
            phase,
            working: watch::Sender::new(0),
            retry: inbox.retry,
            worker,
            seals,
            has_workers: AtomicBool::new(false),
        };
        Ok(built(receiver, &inbox))
    }
}

/// Logs the facts of a new receiver.
fn built(receiver: Receiver, inbox: &InboxSettings) -> Hooks {
    receiver.log_description();
    checks::log_store(&receiver.store, &receiver.source);
    let receiver = Arc::new(receiver);
    if !inbox.any() {
        receiver.log_accepted();
    }
    Hooks { receiver }
}

impl<R, S> fmt::Debug for HooksBuilder<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HooksBuilder")
            .field("secrets", &self.settings.secrets.len())
            .field("limits", &self.settings.limits)
            .finish_non_exhaustive()
    }
}
