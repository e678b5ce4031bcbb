//! Events of the CRM API: references to resources that have changed.

use apideck_hooks::events::ResourceEvent;
use apideck_hooks::sqlx::{self, Sqlite};
use apideck_hooks::{Tx, on};

use crate::tenant::Tenant;

/// Plans to fetch the lead, for a worker that reads the table. A call to Apideck in the handler
/// would hold the transaction, and could not be rolled back.
///
/// # Errors
///
/// The database refuses the row.
#[on("crm.lead.created", "crm.lead.updated")]
pub async fn lead_changed(event: ResourceEvent, tenant: Tenant, mut tx: Tx<Sqlite>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO fetches (tenant, url) VALUES ($1, $2)")
        .bind(tenant.0)
        .bind(&event.entity_url)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
