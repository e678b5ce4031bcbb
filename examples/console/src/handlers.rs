//! Handlers that succeed, fail and fail for good, so that the console has something to show.

use std::{io, time::Duration};

use apideck_hooks::events::{
    ConnectionCallable, ConnectionCreated, ConnectionDeleted, ConnectionEvent, ConnectionRevoked,
    ResourceEvent,
};
use apideck_hooks::{Delivery, Failure, Outcome, Permanent, on};
use tracing::info;

/// Fails for good for a customer whose plan is missing. By the time of a replay it is there.
#[on("vault.connection.callable")]
pub(crate) async fn start_sync(
    event: ConnectionCallable,
    delivery: Delivery,
) -> Result<(), Permanent<io::Error>> {
    let consumer = &event.entity.consumer_id;
    if consumer == "initech" && delivery.attempt() == 1 {
        return Err(Permanent(io::Error::other("customer initech has no plan")));
    }
    info!(consumer, "start the first sync");
    Ok(())
}

/// Ignores its event.
#[on("vault.connection.created")]
pub(crate) async fn created(_: ConnectionCreated) -> Outcome {
    Outcome::Ignore
}

/// Fails for good, also at a replay.
#[on("vault.connection.deleted")]
pub(crate) async fn deleted(event: ConnectionDeleted) -> Result<(), Permanent<io::Error>> {
    let consumer = &event.entity.consumer_id;
    Err(Permanent(io::Error::other(format!(
        "customer {consumer} is not in the database"
    ))))
}

/// Fails. The workers run it again.
#[on("vault.connection.token_refresh.*")]
pub(crate) async fn token(_: ConnectionEvent) -> io::Result<()> {
    Err(io::Error::other("the e-mail server does not answer"))
}

/// Asks for a retry in ten minutes, and waits in the inbox meanwhile.
#[on("vault.connection.revoked")]
pub(crate) async fn revoked(_: ConnectionRevoked) -> Result<(), Failure> {
    let cause = io::Error::other("the customer database is being moved");
    Err(Failure::retry_after(Duration::from_secs(600), cause))
}

/// Takes a moment.
#[on("crm.*")]
pub(crate) async fn crm_changed(event: ResourceEvent) {
    tokio::time::sleep(Duration::from_millis(40)).await;
    info!(entity = event.entity_id, "fetch it");
}
