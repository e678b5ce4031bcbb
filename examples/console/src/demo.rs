//! Sends events to the receiver, as Apideck does, so that the console is not empty.

use std::time::Duration;

use apideck_hooks::Hooks;
use apideck_hooks::testing::{Apideck, Event, Forgery};

/// Events and their consumers. They are sent over and over.
const EVENTS: [(&str, &str); 14] = [
    ("vault.connection.created", "acme"),
    ("vault.connection.callable", "acme"),
    ("crm.contact.created", "acme"),
    ("crm.contact.updated", "acme"),
    ("vault.connection.callable", "initech"),
    ("crm.lead.created", "globex"),
    ("vault.connection.token_refresh.failed", "globex"),
    ("crm.contact.updated", "globex"),
    ("crm.opportunity.updated", "hooli"),
    ("vault.connection.deleted", "umbrella"),
    ("hris.employee.created", "hooli"),
    ("vault.connection.revoked", "hooli"),
    ("crm.contact.deleted", "acme"),
    ("accounting.invoice.created", "globex"),
];

/// Sends a round of events at once, and then one after each pause.
pub(crate) async fn run(hooks: Hooks, secret: String, pause: Duration) {
    let apideck = Apideck::new(hooks, secret.as_str());
    for round in 0_u64.. {
        for (event_type, consumer) in EVENTS {
            if round > 0 {
                tokio::time::sleep(pause).await;
            }
            let mut event = Event::new(event_type).consumer(consumer);
            if event_type.starts_with("vault.") {
                event = event.set("entity.settings.api_key", "a-key-of-an-end-user");
            }
            let _ = apideck.send(&event).await;
            if event_type == "crm.lead.created" {
                let _ = apideck.send(&event).await;
            }
        }
        let _ = apideck
            .forge(&Event::new("vault.connection.updated"), Forgery::OtherSecret)
            .await;
    }
}
