//! The receiver and all that its clones share.

use super::dispatch::Dispatch;
use crate::limits::Limits;
use crate::observe::{Counters, Stats};
use crate::run::Phase;
use crate::signature::Verifier;
use crate::store::Store;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// A receiver of Apideck's webhooks.
///
/// It is a `tower_service::Service` and a `hyper::service::Service` over any body: mount it in axum with
/// `route_service`, serve a bare hyper connection with it, or hand it to anything that takes a tower service. It needs a
/// tokio runtime to run in. Cloning is cheap; all clones share their records and limits.
///
/// ```no_run
/// use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable) {
///     println!("sync {} of {}", event.entity.service_id, event.entity.consumer_id);
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hooks = Hooks::builder(router![start_sync, ..])
///     .secret(std::env::var("APIDECK_API_KEY")?)
///     .build()?;
/// let app = axum::Router::new().route_service("/webhooks/apideck", hooks);
/// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it guarantees
///
/// For every event that Apideck keeps sending, a `2xx` is only answered when the event was handled, ignored on purpose,
/// or set aside in a store that keeps it; and while one handler runs for an event, no other does. A handler that has
/// begun is not cancelled when the client goes away. A handler can run again after it failed, or after a crash between
/// its last effect and the record of it: make its effects idempotent.
#[derive(Clone)]
pub struct Hooks {
    pub(crate) receiver: Arc<Receiver>,
}

/// The parts of a receiver, shared by all clones of its [`Hooks`].
pub(crate) struct Receiver {
    pub(crate) verifier: Verifier,
    pub(crate) limits: Limits,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) counters: Arc<Counters>,
    /// One permit for each delivery in flight.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) phase: watch::Sender<Phase>,
}

impl Hooks {
    /// Returns the totals since the receiver was built.
    pub fn stats(&self) -> Stats {
        self.receiver.counters.snapshot()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("limits", &self.receiver.limits)
            .finish_non_exhaustive()
    }
}
