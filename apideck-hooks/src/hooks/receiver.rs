//! The receiver, and its parts that all clones share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::request::Parts;
use tokio::sync::{Semaphore, watch};

use super::dispatch::Dispatch;
use super::store_use::StoreUse;
use crate::budget::Budget;
use crate::delivery::Context;
use crate::limits::Limits;
use crate::observe::{Observers, Stats};
use crate::run::{Phase, Retry, Runner};
use crate::signature::{Seals, Verifier};
use crate::store::Store;

/// A receiver of Apideck's webhooks.
///
/// `Hooks` is a `tower_service::Service` and a `hyper::service::Service` over any
/// `http_body::Body`. Mount it in axum with `route_service`, serve a hyper connection with it, or
/// pass it to anything that takes a tower service. It needs a tokio runtime. Clones are cheap, and
/// all clones share their limits and their store.
///
/// ```no_run
/// use apideck_hooks::{Hooks, Secret, events::ConnectionCallable, on, router};
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable) {
///     println!("sync {} of {}", event.entity.service_id, event.entity.consumer_id);
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hooks = Hooks::builder(router![start_sync, ..])
///     .secret(Secret::from_env("APIDECK_API_KEY")?)
///     .build()?;
/// let app = axum::Router::new().route_service("/webhooks/apideck", hooks);
/// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Guarantees
///
/// These hold for every event that Apideck keeps delivering:
///
/// - A `2xx` is a promise. It is sent only after the event was handled or ignored, or while a
///   durable store keeps it as a dead letter or an inbox has accepted it.
/// - An accepted event stays until it is handled or is a dead letter. A dead letter stays until its
///   event is handled or purged.
/// - While a handler runs for an event under its lease, no other handler runs for it.
/// - A client that goes away does not cancel a handler.
///
/// A handler can run again after it failed, or after a crash between its last effect and the record
/// of its end. So make its effects idempotent.
#[derive(Clone)]
pub struct Hooks {
    pub(crate) receiver: Arc<Receiver>,
}

/// The user's function that takes a context from a request.
pub(crate) type TakeContext = dyn Fn(&Parts) -> Context + Send + Sync;

/// The parts of a receiver, shared by all clones of its [`Hooks`].
pub(crate) struct Receiver {
    pub(crate) verifier: Verifier,
    pub(crate) limits: Limits,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) source: String,
    pub(crate) context: Option<Arc<TakeContext>>,
    /// Keeps a second receiver from using the store under the same source.
    pub(super) _store_use: StoreUse,
    pub(crate) observers: Arc<Observers>,
    pub(crate) budget: Budget,
    /// One permit for each delivery in flight.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) phase: watch::Sender<Phase>,
    /// Number of accepted events that run in this process.
    pub(crate) working: watch::Sender<usize>,
    /// The policy of workers, and of `Hooks::work`.
    pub(crate) retry: Retry,
    /// The runner of `Hooks::work`.
    pub(crate) worker: Arc<Runner>,
    /// The seals of envelopes.
    pub(crate) seals: Seals,
    /// Workers of this receiver were begun.
    pub(crate) has_workers: AtomicBool,
}

impl Hooks {
    /// Returns the counts since the receiver was built.
    pub fn stats(&self) -> Stats {
        self.receiver.observers.stats()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("limits", &self.receiver.limits)
            .finish_non_exhaustive()
    }
}
