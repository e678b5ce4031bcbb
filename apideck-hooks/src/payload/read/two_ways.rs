//! Both ways to read a body give the same event.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::payload::{Connection, Timestamp};

type Compared = (EventType, [String; 3], Option<u32>, Result<AnyEvent, DecodeError>);

fn parts(parsed: Parsed, text: &VerifiedText) -> Compared {
    let Parsed::Event {
        event_type,
        identity,
        event,
    } = parsed
    else {
        panic!("an event")
    };
    let occurred_at = identity.occurred_at.as_ref().map_or("", Timestamp::as_str);
    let ids = [
        identity.event_id.as_str(text),
        identity.entity_id.as_str(text),
        occurred_at,
    ];
    let ids = ids.map(str::to_owned);
    (event_type, ids, identity.execution_attempt, event)
}

/// Reads a body in the general way, and compares the event if it can also be read in the plain way.
/// Returns `true` if it can.
fn is_plain(json: &str) -> bool {
    let text = verified(json);
    let Some(wire) = read_plain(json) else {
        return false;
    };
    let event_type = EventType::from(&*wire.event_type);
    let plain = parts(event(wire, None, event_type, &text), &text);
    let any = parts(read_any(json, &text).expect("an event"), &text);
    assert_eq!(plain, any, "{json}");
    true
}

/// Returns a body with every field, each with another value than the others.
fn full(event_type: &str) -> serde_json::Value {
    json!({"payload": {
        "event_id": "e1", "event_type": event_type, "unified_api": "crm", "service_id": "apideck-vault",
        "consumer_id": "c1", "entity_id": "1111+c1", "entity_type": "Connection", "entity_url": "https://x/1",
        "execution_attempt": 3, "occurred_at": "2021-10-01T03:14:55.419Z", "migrated_from": "pipedrive",
        "entity": {
            "id": "1111+c2", "consumer_id": "c3", "unified_api": "hris", "service_id": "salesforce",
            "name": "Sales\u{f6}", "icon": "https://icon", "logo": "https://logo", "website": "https://site",
            "tag_line": "A \"line\"\n", "auth_type": "oauth2", "enabled": true, "state": "added",
            "health": "needs_auth", "settings": {"api_key": [1, {"a": null}]}, "metadata": {"company_id": "7"},
            "migrated_from": "close", "created_at": "2020-09-19T12:18:37.071Z", "updated_at": "2020-09-19T12:18:37.072Z",
            "credentials_expire_at": "2020-09-19T12:18:37.073Z", "last_refresh_failed_at": 5,
            "brand_new": [{}]
        },
        "brand_new": {"x": "y"}
    }, "brand_new": 1})
}

#[test]
fn a_documented_body_is_read_in_the_plain_way() {
    let is_plain = |json: &str| is_plain(json) || has_arbitrary_precision();
    for event_type in [
        "vault.connection.created",
        "crm.lead.created",
        "vault.connection.brand_new",
    ] {
        let full = full(event_type);
        assert!(is_plain(&full.to_string()));
        assert!(is_plain(&format!(" {full:#}\n")));
    }
    for entry in std::fs::read_dir("src/payload/example").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(is_plain(&text), "{text}");
        }
    }
}

fn was_read<T: Default + PartialEq>(field: &T) -> bool {
    *field != T::default()
}

/// Checks that each field was read. A field that is new and not listed does not compile.
macro_rules! assert_all_read {
    ($event:expr, $type:ident { $($field:ident),* } $($raw:ident)?) => {
        let $type { $($field,)* $($raw: _)? } = $event;
        $( assert!(was_read(&$field), stringify!($field)); )*
    };
}

#[test]
fn every_field_is_read_in_both_ways() {
    for plain in [true, false] {
        let read = |event_type: &str| {
            let json = full(event_type).to_string();
            let text = verified(&json);
            let parsed = match read_plain(&json).filter(|_| plain) {
                Some(wire) => event(wire, None, event_type.into(), &text),
                None => read_any(&json, &text).unwrap(),
            };
            parts(parsed, &text).3.unwrap()
        };
        let AnyEvent::Connection(event) = read("vault.connection.created") else {
            panic!("an event of Vault")
        };
        assert_all_read!(*event, ConnectionEvent {
            event_id, event_type, service_id, entity_id, entity_type, entity, execution_attempt,
            occurred_at, migrated_from
        } raw);
        assert_all_read!(
            entity,
            Connection {
                id,
                consumer_id,
                unified_api,
                service_id,
                name,
                icon,
                logo,
                website,
                tag_line,
                auth_type,
                enabled,
                state,
                health,
                settings,
                metadata,
                created_at,
                updated_at,
                credentials_expire_at,
                last_refresh_failed_at,
                migrated_from
            }
        );
        let AnyEvent::Resource(event) = read("crm.lead.created") else {
            panic!("an event of another API")
        };
        assert_all_read!(*event, ResourceEvent {
            event_id, event_type, unified_api, service_id, consumer_id, entity_id, entity_type,
            entity_url, occurred_at, execution_attempt
        } raw);
    }
}

/// Each value is in the place of its key, and is written there again.
#[test]
fn an_event_is_written_as_it_was_read() {
    for event_type in ["vault.connection.created", "crm.lead.created"] {
        let full = full(event_type);
        let written = match AnyEvent::from_json(full.to_string()).unwrap() {
            AnyEvent::Connection(event) => serde_json::to_value(*event),
            AnyEvent::Resource(event) => serde_json::to_value(*event),
            AnyEvent::Other(_) => panic!("an event"),
        };
        let compare = |written: &serde_json::Value, read: &serde_json::Value| {
            for (key, value) in written.as_object().unwrap() {
                let digits = read[key].as_u64().filter(|_| value.is_string());
                let wanted = digits.map(|digits| digits.to_string().into());
                if key != "entity" {
                    assert_eq!(*value, wanted.unwrap_or(read[key].clone()), "{key}");
                }
            }
        };
        let written = written.unwrap();
        compare(&written, &full["payload"]);
        if written["entity"].is_object() {
            compare(&written["entity"], &full["payload"]["entity"]);
        }
    }
}

/// A value for a field, which fits it most of the time.
fn field(key: &'static str) -> BoxedStrategy<String> {
    let value = prop_oneof![
        8 => Just(full("vault.connection.created")["payload"][key].to_string()),
        8 => Just(full("vault.connection.created")["payload"]["entity"][key].to_string()),
        4 => prop::sample::select(vec![
            "null", "\"\"", "1", "true", "-2.0", "1e2", "12.100000000000001", "-0", "{}", "[]",
            "{\"a\":[1,\"]\"]}", "[1.5,{\"b\":2e-23,\"b\":null}]", "\"\\u00e9\\ud83d\\ude00\"",
            "\"\\ud800\"", "\"crm.lead.created\"", "\"oauth2\"", "\"revoked\"", "nul", "\"\u{1}\"", "",
        ]).prop_map(str::to_owned),
        1 => any::<f64>().prop_map(|number| json!({"v": number}).to_string()),
        1 => any::<String>().prop_map(|text| json!(text).to_string()),
    ];
    value.prop_map(move |value| format!("\"{key}\":{value}")).boxed()
}

fn object(keys: Vec<&'static str>) -> impl Strategy<Value = String> {
    let fields = prop::collection::vec(prop::sample::select(keys).prop_flat_map(field), 0..8);
    fields.prop_map(|fields| fields.join(" ,"))
}

proptest! {
    #[test]
    fn both_ways_give_the_same_event(
        payload in object(vec![
            "event_id", "event_type", "unified_api", "service_id", "consumer_id", "entity_id", "entity_type",
            "entity_url", "execution_attempt", "occurred_at", "migrated_from", "brand_new",
        ]),
        entity in object(vec![
            "id", "consumer_id", "name", "icon", "tag_line", "auth_type", "state", "enabled", "health", "settings",
            "metadata", "created_at", "last_refresh_failed_at", "migrated_from", "brand_new",
        ]),
        before in any::<bool>(),
    ) {
        let event_type = r#""event_type":"vault.connection.created""#;
        let mut fields = vec![event_type.to_owned(), format!("\"entity\":{{{entity}}}"), payload];
        if before {
            fields.rotate_left(1);
        }
        fields.retain(|field| !field.is_empty());
        is_plain(&format!("{{\"payload\":{{{}}}}}", fields.join(",")));
    }
}
