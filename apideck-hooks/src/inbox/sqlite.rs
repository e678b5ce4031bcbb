//! The inbox in a SQLite file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::put::{InboxOf, IntoInbox, sealed};
use crate::store::{SqliteStore, StoreError};

/// The time limit of a handler's transaction, because acceptances wait for its end.
const TX_LIMIT: Duration = Duration::from_secs(1);

/// An inbox in a SQLite file, for one process. It is the store too.
///
/// ```no_run
/// use apideck_hooks::{Hooks, SqliteInbox, Workers, events::*, on, router};
///
/// #[on("vault.connection.callable")]
/// async fn start_sync(event: ConnectionCallable) { /* … */ }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hooks = Hooks::builder(router![start_sync, ..])
///     .secret(std::env::var("APIDECK_API_KEY")?)
///     .inbox(SqliteInbox::open("hooks.db").await?)
///     .build()?;
/// let app = axum::Router::new().route_service("/webhooks/apideck", hooks.clone());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let workers = hooks.workers(Workers::new());
/// // Ends the workers too, when their running handlers have ended.
/// # #[cfg(feature = "signal")]
/// let stop = hooks.shutdown_on_signal(std::time::Duration::from_secs(20));
/// # #[cfg(not(feature = "signal"))]
/// # let stop = async {};
/// let serve = async { axum::serve(listener, app).with_graceful_shutdown(stop).await };
/// let (served, worked) = tokio::join!(serve, workers);
/// served?;
/// worked?;
/// # Ok(())
/// # }
/// ```
///
/// An event is accepted when its record and its body are committed, so a `200` survives `kill -9`
/// and power loss. The body is deleted when the event is done. See [`SqliteStore`] for the file.
#[derive(Debug)]
pub struct SqliteInbox(Arc<SqliteStore>);

impl SqliteInbox {
    /// Opens a file, or creates it in an existing directory. A handler's `Tx` may take 1 second.
    ///
    /// # Errors
    ///
    /// As for [`SqliteStore::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let store = SqliteStore::builder(path).tx_limit(TX_LIMIT).open().await?;
        Ok(Self::new(store))
    }

    /// Makes the inbox of an open store, for other settings than the defaults.
    pub fn new(store: impl Into<Arc<SqliteStore>>) -> Self {
        Self(store.into())
    }
}

impl sealed::Sealed for SqliteInbox {}

impl IntoInbox for SqliteInbox {
    fn into_inbox(self) -> InboxOf {
        InboxOf::Store(self.0)
    }
}
