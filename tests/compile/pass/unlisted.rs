//! Handlers of events that this release does not list.

use super::build;
use apideck_hooks::{events::*, on, router};

#[on(unlisted = "vault.connection.paused")]
async fn connection(_event: ConnectionEvent) {}

#[on(
    unlisted = "billing.invoice.paid",
    unlisted = "crm.lead.merged",
    "crm.lead.created"
)]
async fn resource(_event: ResourceEvent) {}

#[on(unlisted = "vault.consumer.created")]
async fn any(_event: AnyEvent) {}

// One letter away from a listed name, but intended.
#[on(unlisted = "accounting.bills.created")]
#[allow(deprecated)]
async fn plural(_event: ResourceEvent) {}

#[test]
fn builds() {
    build!(router![connection, resource, any, plural, ..]);
}
