//! Handlers with other attributes, in any order.

use super::build;
use apideck_hooks::{Delivery, events::*, on, router};

#[cfg(true)]
#[on("vault.connection.created")]
async fn cfg_above(_event: ConnectionCreated) {}

#[on("vault.connection.updated")]
#[cfg(true)]
async fn cfg_below(_event: ConnectionUpdated) {}

// Left out with its generated items, so that it neither conflicts nor needs its types.
#[cfg(false)]
#[on("vault.connection.created")]
async fn left_out_above(_event: Missing) {}

#[on("vault.connection.updated")]
#[cfg(false)]
async fn left_out_below(_event: Missing) {}

#[cfg(false)]
#[on("vault.connection.callable")]
async fn either(_event: Missing) {}

#[on("vault.connection.callable")]
#[cfg(not(false))]
async fn either(_event: ConnectionCallable) {}

/// Documented.
#[deprecated = "use another"]
#[on("vault.connection.deleted")]
async fn deprecated(_event: ConnectionDeleted) {}

#[on("vault.connection.revoked")]
/// Documented.
#[allow(unused_variables)]
#[must_use]
#[inline]
async fn decorated(event: ConnectionRevoked) {}

#[tracing::instrument]
#[on("vault.connection.disabled")]
async fn traced_above(event: ConnectionDisabled, delivery: Delivery) -> Result<(), std::io::Error> {
    tracing::info!(state = ?event.entity.state);
    Ok(())
}

#[on("vault.connection.migrated")]
#[tracing::instrument(skip_all, fields(consumer = %event.entity.consumer_id))]
async fn traced_below(event: ConnectionMigrated) {
    tracing::info!(attempt = 1);
}

#[test]
fn builds() {
    build!(router![
        cfg_above,
        cfg_below,
        either,
        deprecated,
        decorated,
        traced_above,
        traced_below,
        ..
    ]);
}
