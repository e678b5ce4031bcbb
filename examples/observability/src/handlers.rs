//! Handlers with one outcome each, so that each has something to show in the dashboard.

use std::{io, time::Duration};

use apideck_hooks::events::{
    ConnectionCallable, ConnectionCreated, ConnectionDeleted, ConnectionDisabled, ConnectionRevoked,
    ConnectionUpdated,
};
use apideck_hooks::{Failure, Outcome, Permanent, on};
use tracing::info;

/// Succeeds.
#[on("vault.connection.callable")]
pub(crate) async fn start_sync(event: ConnectionCallable) {
    info!(consumer = event.entity.consumer_id, "start the first sync");
}

/// Ignores its event.
#[on("vault.connection.created")]
pub(crate) async fn created(_: ConnectionCreated) -> Outcome {
    Outcome::Ignore
}

/// Takes two seconds.
#[on("vault.connection.updated")]
pub(crate) async fn updated(_: ConnectionUpdated) {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Fails. Apideck's next retry runs it again.
#[on("vault.connection.disabled")]
pub(crate) async fn disabled(_: ConnectionDisabled) -> io::Result<()> {
    Err(io::Error::other("the customer database does not answer"))
}

/// Asks for a retry in ten minutes.
#[on("vault.connection.revoked")]
pub(crate) async fn revoked(_: ConnectionRevoked) -> Result<(), Failure> {
    let cause = io::Error::other("the customer database is being moved");
    Err(Failure::retry_after(Duration::from_secs(600), cause))
}

/// Fails for good, so its event becomes a dead letter.
#[on("vault.connection.deleted")]
pub(crate) async fn deleted(_: ConnectionDeleted) -> Result<(), Permanent<io::Error>> {
    Err(Permanent(io::Error::other("no such customer")))
}
