//! Example bodies of all events, for tests of handlers.
//!
//! Nine are the examples of Apideck's webhook reference. Apideck documents no body for the other
//! events, so theirs are made.

mod known_fields;

use serde_json::{Value, json};

use super::AnyEvent;
use crate::event::{EventType, Family};

pub(crate) use known_fields::{ENTITY, known_fields};

macro_rules! examples {
    ($($name:literal),* $(,)?) => {
        /// The examples of Apideck's webhook reference: names of events, and their bodies as they
        /// are printed there.
        ///
        /// ```
        /// use apideck_hooks::AnyEvent;
        /// use apideck_hooks::testing::EXAMPLES;
        ///
        /// for (name, body) in EXAMPLES {
        ///     assert_eq!(AnyEvent::from_json(body)?.event_type().unwrap(), name);
        /// }
        /// # Ok::<_, apideck_hooks::DecodeError>(())
        /// ```
        pub const EXAMPLES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!($name, ".json")))),*];
    };
}

examples!(
    "vault.connection.callable",
    "vault.connection.created",
    "vault.connection.deleted",
    "vault.connection.disabled",
    "vault.connection.revoked",
    "vault.connection.token_refresh.failed",
    "vault.connection.token_refresh.pending",
    "vault.connection.token_refresh.recovered",
    "vault.connection.updated",
);

/// Returns an example body of an event.
pub(crate) fn example(event_type: &EventType) -> Value {
    if let Some(body) = of_reference(event_type.as_str()) {
        return body;
    }
    match event_type.family() {
        Family::Connection => made_connection(event_type),
        Family::Resource => made_resource(event_type),
    }
}

/// Returns the event of an example body.
///
/// # Panics
///
/// Never. A test reads the examples of all listed events.
pub(crate) fn example_event(event_type: &EventType) -> AnyEvent {
    AnyEvent::from_json(example(event_type).to_string()).expect("an example has the shape of its event")
}

fn of_reference(name: &str) -> Option<Value> {
    let (_, body) = EXAMPLES.iter().find(|(example, _)| *example == name)?;
    serde_json::from_str(body).ok()
}

/// Makes the example of an event of Vault from the one of `vault.connection.updated`.
fn made_connection(event_type: &EventType) -> Value {
    let mut body = of_reference("vault.connection.updated").unwrap_or_default();
    body["payload"]["event_type"] = event_type.as_str().into();
    match event_type {
        EventType::ConnectionDownstreamDegraded => body["payload"]["entity"]["health"] = "degraded".into(),
        EventType::ConnectionDownstreamRecovered => body["payload"]["entity"]["health"] = "ok".into(),
        EventType::ConnectionMigrated => body["payload"]["migrated_from"] = "hubspot".into(),
        _ => {}
    }
    body
}

fn made_resource(event_type: &EventType) -> Value {
    let mut parts = event_type.as_str().split('.');
    let (api, resource) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let path = match resource.strip_suffix('y') {
        Some(stem) if resource.ends_with("ny") || resource.ends_with("ty") => format!("{stem}ies"),
        _ => format!("{resource}s"),
    };
    json!({ "payload": {
        "event_id": "9755c355-56c3-4a2f-a2da-86ff4411fccb",
        "event_type": event_type.as_str(),
        "unified_api": api,
        "service_id": "example-connector",
        "consumer_id": "test_user_id",
        "entity_id": "a0d636c6-43b3-4bde-8c70-85b707d992f4",
        "entity_type": in_camel_case(resource),
        "entity_url": format!(
            "https://unify.apideck.com/{api}/{}/a0d636c6-43b3-4bde-8c70-85b707d992f4",
            path.replace('_', "-")
        ),
        "execution_attempt": 1,
        "occurred_at": "2021-10-01T03:14:55.419Z",
    }})
}

/// Writes `ledger_account` as `LedgerAccount`.
fn in_camel_case(resource: &str) -> String {
    let words = resource.split(['_', '-']);
    let words = words.map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => word.to_owned(),
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_event_has_an_example_of_its_own() {
        for event_type in EventType::ALL {
            let event = example_event(event_type);
            assert_eq!(event.event_type(), Some(event_type));
            assert!(!event.event_id().is_empty() && !event.entity_id().is_empty());
            assert_eq!(event.consumer_id(), "test_user_id");
            match event {
                AnyEvent::Connection(_) => assert_eq!(event_type.family(), Family::Connection),
                AnyEvent::Resource(event) => assert!(
                    event.entity_url.starts_with("https://unify.apideck.com/")
                        && !event.entity_type.is_empty()
                ),
                AnyEvent::Other(_) => panic!("{event_type}"),
            }
        }
    }

    #[test]
    fn made_examples_look_like_those_of_apideck() {
        let payload = |event_type| example(&event_type)["payload"].take();
        let account = payload(EventType::AccountingLedgerAccountCreated);
        assert_eq!(account["entity_type"], "LedgerAccount");
        let url = account["entity_url"].as_str().unwrap();
        assert!(url.contains("/accounting/ledger-accounts/"), "{url}");
        let url = payload(EventType::CrmCompanyCreated)["entity_url"].clone();
        assert!(url.as_str().unwrap().contains("/crm/companies/"), "{url}");
        assert_eq!(payload(EventType::ConnectionMigrated)["migrated_from"], "hubspot");
    }
}
