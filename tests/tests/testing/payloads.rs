//! Payloads for unit tests.

use apideck_hooks::events::{
    ConnectionCallable, ConnectionDeleted, ConnectionEvent, ConnectionMigrated, CrmLeadCreated, ResourceEvent,
};
use apideck_hooks::testing::{EXAMPLES, Event};

#[test]
fn every_payload_type_has_an_example_of_its_own_event() {
    let callable = ConnectionCallable::example();
    assert_eq!(callable.event_type, "vault.connection.callable");
    assert_eq!(callable.entity.consumer_id, "test_user_id");
    let migrated = ConnectionMigrated::example();
    let from = migrated.migrated_from.as_ref().unwrap();
    assert_eq!(
        (migrated.event_type.as_str(), from.service_id()),
        ("vault.connection.migrated", Some("hubspot"))
    );
    let lead = CrmLeadCreated::example();
    assert_eq!(
        (lead.event_type.as_str(), lead.entity_type.as_str()),
        ("crm.lead.created", "Lead")
    );
    assert_eq!(ConnectionEvent::example().event_type, "vault.connection.callable");
    assert_eq!(ResourceEvent::example().event_type, "crm.contact.created");
}

#[test]
fn a_payload_type_reads_only_its_own_event() {
    let body = Event::new("vault.connection.callable").consumer("acme").body();
    assert_eq!(
        ConnectionCallable::from_json(&body).unwrap().entity.consumer_id,
        "acme"
    );
    assert_eq!(
        ConnectionEvent::from_json(&body).unwrap().entity.consumer_id,
        "acme"
    );
    assert!(ConnectionDeleted::from_json(&body).is_err());
    assert!(ResourceEvent::from_json(&body).is_err());
    assert!(CrmLeadCreated::from_json("{}").is_err());
    assert_eq!(EXAMPLES.len(), 9);
}
