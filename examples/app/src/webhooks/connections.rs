//! Events of Vault: the connections of the tenants' customers.

use std::sync::Arc;

use apideck_hooks::events::{ConnectionCallable, ConnectionTokenRefreshFailed};
use apideck_hooks::sqlx::{self, Sqlite};
use apideck_hooks::{Failure, State, Tx, on};

use crate::notifier::Notifier;
use crate::tenant::Tenant;

/// Plans the first sync of a new connection, exactly once: the row and the record of the event are
/// committed together.
///
/// # Errors
///
/// The database refuses the row.
#[on("vault.connection.callable")]
pub async fn start_sync(event: ConnectionCallable, tenant: Tenant, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO syncs (tenant, consumer, service) VALUES ($1, $2, $3)")
        .bind(tenant.0)
        .bind(&event.entity.consumer_id)
        .bind(&event.entity.service_id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Tells a person that a customer has to sign in again.
///
/// A message cannot be rolled back. A crash between it and the record lets a retry send it again,
/// and that is better than none.
///
/// # Errors
///
/// The message was not sent. Apideck's next retry runs the handler again.
#[on("vault.connection.token_refresh.failed")]
pub async fn token_failed(
    event: ConnectionTokenRefreshFailed,
    State(notifier): State<Arc<dyn Notifier>>,
) -> Result<(), Failure> {
    let connection = &event.entity;
    let text = format!(
        "{} must sign in to {} again",
        connection.consumer_id, connection.service_id
    );
    notifier.notify(&text).await?;
    Ok(())
}
