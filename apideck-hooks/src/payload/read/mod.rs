//! From the verified text to a typed event, in one pass where it can be.

mod draft;
mod parsed;
mod repair;
mod scanner;

pub(crate) use parsed::{EventIdentity, Parsed};

use super::any::{AnyEvent, OtherEvent};
use super::connection_event::ConnectionEvent;
use super::decode_error::DecodeError;
use super::fields::Wire;
use super::lenient::count;
use super::raw::Raw;
use super::resource_event::ResourceEvent;
use crate::event::{EventType, Family};
use crate::json::Piece;
use crate::signature::VerifiedText;
use bytes::Bytes;
use repair::{repair, without_lone_surrogates};
use serde::Deserialize;
use serde_json::Value;

impl AnyEvent {
    /// Reads a body, `{"payload":{…}}`, that was verified already or comes from a test.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, DecodeError> {
        Self::read(&VerifiedText::kept(Bytes::copy_from_slice(text.as_ref())))
    }

    pub(crate) fn read(text: &VerifiedText) -> Result<Self, DecodeError> {
        match parse(text) {
            Parsed::Event { event, .. } => event,
            Parsed::NoEvent => Ok(AnyEvent::Other(OtherEvent::new(text))),
        }
    }
}

/// Reads a verified text.
pub(crate) fn parse(text: &VerifiedText) -> Parsed {
    draft::read(text).unwrap_or_else(|| parse_slowly(text))
}

/// A tree has two virtues: a duplicate key is settled as JavaScript settles it (the last one wins), and a payload
/// with a field of another type than documented still says which event it is.
fn parse_slowly(text: &VerifiedText) -> Parsed {
    let tree = serde_json::from_slice::<Value>(text).or_else(|error| match without_lone_surrogates(text) {
        Some(repaired) => serde_json::from_slice(&repaired),
        None => Err(error),
    });
    let mut tree = match tree {
        Ok(tree) => tree,
        Err(error) => return parse_the_name(text, error),
    };
    let Some(Value::Object(payload)) = tree.get_mut("payload") else {
        return Parsed::NoEvent;
    };
    let name = payload
        .get("event_type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        return Parsed::NoEvent;
    }
    let event_type = EventType::from(name);
    repair(payload, event_type.family());
    let text_of = |key| {
        let text = payload.get(key).and_then(Value::as_str);
        Piece::from(text.unwrap_or_default().to_owned())
    };
    let identity = EventIdentity {
        event_id: text_of("event_id"),
        entity_id: text_of("entity_id"),
        occurred_at: text_of("occurred_at"),
        execution_attempt: payload
            .get("execution_attempt")
            .and_then(|number| count(number).ok().flatten()),
    };
    let event = Wire::deserialize(Value::Object(std::mem::take(payload)))
        .map(|wire: Wire| into_family(wire, text))
        .map_err(|error| DecodeError::new(&event_type, error));
    Parsed::Event {
        event_type,
        identity,
        event,
    }
}

fn into_family(wire: Wire, text: &VerifiedText) -> AnyEvent {
    let raw = Raw::new(text);
    match wire.event_type.family() {
        Family::Connection => ConnectionEvent { raw, ..wire.into() }.into(),
        Family::Resource => ResourceEvent { raw, ..wire.into() }.into(),
    }
}

/// JSON that no tree takes, such as a number beyond a double or 128 levels, still says which event it is: what stands
/// between is skipped unread.
fn parse_the_name(text: &VerifiedText, error: serde_json::Error) -> Parsed {
    #[derive(Deserialize)]
    struct Envelope {
        payload: Name,
    }

    #[derive(Deserialize)]
    struct Name {
        event_type: String,
        #[serde(default)]
        event_id: String,
        #[serde(default)]
        entity_id: String,
        #[serde(default)]
        occurred_at: String,
    }

    match serde_json::from_slice::<Envelope>(text) {
        Ok(Envelope { payload }) if !payload.event_type.is_empty() => {
            let event_type = EventType::from(payload.event_type);
            Parsed::Event {
                identity: EventIdentity {
                    event_id: payload.event_id.into(),
                    entity_id: payload.entity_id.into(),
                    occurred_at: payload.occurred_at.into(),
                    execution_attempt: None,
                },
                event: Err(DecodeError::new(&event_type, error)),
                event_type,
            }
        }
        _ => Parsed::NoEvent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> AnyEvent {
        AnyEvent::from_json(json).unwrap()
    }

    #[test]
    fn all_but_the_name_may_be_missing_or_null() {
        let bare = event(r#"{"payload":{"event_type":"vault.connection.created"}}"#);
        let nulls = event(
            r#"{"payload":{"event_type":"vault.connection.created","event_id":null,"entity":null,"entity_id":null,
                "execution_attempt":null,"occurred_at":null,"migrated_from":null,"service_id":null}}"#,
        );
        assert_eq!(bare, nulls);
        let inner_nulls = event(
            r#"{"payload":{"event_type":"vault.connection.created","entity":{"id":null,"state":null,"auth_type":null,
                "health":null,"enabled":null,"settings":null,"metadata":null,"created_at":null,"updated_at":null}}}"#,
        );
        assert_eq!(bare, inner_nulls);
    }

    #[test]
    fn the_last_duplicate_key_wins() {
        let doubled = r#"{"payload":{"event_type":"crm.lead.created","event_id":"a","event_id":"b"}}"#;
        assert_eq!(event(doubled).event_id(), "b");
    }

    #[test]
    fn an_odd_field_leaves_the_identity() {
        let text = VerifiedText::kept(Bytes::from_static(
            br#"{"payload":{"event_type":"vault.connection.created","event_id":7,"entity_id":"c","entity":"odd"}}"#,
        ));
        let Parsed::Event {
            event_type,
            identity,
            event,
        } = parse(&text)
        else {
            panic!("an event")
        };
        assert_eq!(event_type, EventType::ConnectionCreated);
        assert_eq!(
            (identity.event_id.as_str(&text), identity.entity_id.as_str(&text)),
            ("7", "c")
        );
        assert!(event.is_err());
    }

    #[test]
    fn odd_numbers_of_attempts_are_none() {
        for (json, attempts) in [
            ("2", Some(2)),
            ("2.0", Some(2)),
            ("-1", None),
            ("1e300", None),
            ("2.5", None),
            ("4294967295", Some(u32::MAX)),
        ] {
            let text = format!(
                r#"{{"payload":{{"event_type":"vault.connection.created","execution_attempt":{json}}}}}"#
            );
            let AnyEvent::Connection(event) = event(&text) else {
                panic!("a connection event")
            };
            assert_eq!(event.execution_attempt, attempts, "{json}");
        }
    }

    #[test]
    fn an_odd_field_costs_itself_only() {
        let AnyEvent::Connection(odd) = event(
            r#"{"payload":{"event_type":"vault.connection.created","event_id":7,"execution_attempt":"2","service_id":[],
                "entity_id":{},"entity":{"id":12,"name":true,"enabled":1,"state":7,"health":{},"settings":[],
                "metadata":"x","auth_type":"basic"}}}"#,
        ) else {
            panic!("a connection event")
        };
        let mut expected = ConnectionEvent {
            event_type: EventType::ConnectionCreated,
            event_id: "7".to_owned(),
            ..Default::default()
        };
        expected.entity.id = "12".to_owned();
        expected.entity.name = "true".to_owned();
        expected.entity.state = crate::payload::ConnectionState::Other("7".to_owned());
        expected.entity.auth_type = crate::payload::AuthType::Basic;
        assert_eq!(*odd, expected);
    }

    #[test]
    fn fields_of_the_other_family_may_have_any_shape() {
        for entity in ["\"c1\"", "[1]", "{\"id\":[12]}", "7"] {
            let text = format!(
                r#"{{"payload":{{"event_type":"crm.contact.created","entity":{entity},"migrated_from":[]}}}}"#
            );
            assert!(matches!(event(&text), AnyEvent::Resource(_)), "{entity}");
        }
        let text =
            r#"{"payload":{"event_type":"vault.connection.created","unified_api":[1],"consumer_id":{}}}"#;
        assert!(matches!(event(text), AnyEvent::Connection(_)));
    }

    /// As JavaScript prints an emoji that was cut in half.
    #[test]
    fn a_lone_surrogate_costs_one_character() {
        let text = r#"{"payload":{"event_type":"vault.connection.created","entity":{"name":"cut \ud83d"}}}"#;
        let AnyEvent::Connection(cut) = event(text) else {
            panic!("a connection event")
        };
        assert_eq!(cut.entity.name, "cut \u{fffd}");
        assert_eq!(cut.raw().as_str(), text);
    }

    #[test]
    fn what_no_tree_takes_is_an_event_that_does_not_decode() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for metadata in ["1e400", &deep] {
            let text = VerifiedText::kept(Bytes::from(format!(
                r#"{{"payload":{{"event_type":"vault.connection.callable","event_id":"e1","entity":{{"metadata":{metadata}}}}}}}"#
            )));
            let Parsed::Event {
                event_type,
                identity,
                event,
            } = parse(&text)
            else {
                panic!("an event")
            };
            assert_eq!(
                (event_type, identity.event_id.as_str(&text)),
                (EventType::ConnectionCallable, "e1")
            );
            assert!(event.is_err());
        }
    }

    #[test]
    fn what_names_no_event_is_none() {
        for text in [
            "",
            "{}",
            "[]",
            "1",
            "nonsense",
            "{\"payload\":{}}",
            "{\"payload\":{\"event_type\":1}}",
            "\u{feff}{}",
            r#"[["e1","vault.connection.callable"]]"#,
            r#"{"payload":["e1","vault.connection.callable"]}"#,
        ] {
            assert!(
                matches!(parse(&VerifiedText::kept(text.into())), Parsed::NoEvent),
                "{text}"
            );
        }
    }

    #[test]
    fn both_forms_of_migrated_from_are_read() {
        for (json, id) in [
            (r#""pipedrive""#, Some("pipedrive")),
            (r#"{"service_id":"pipedrive"}"#, Some("pipedrive")),
            ("7", None),
        ] {
            let text = format!(
                r#"{{"payload":{{"event_type":"vault.connection.migrated","migrated_from":{json}}}}}"#
            );
            let AnyEvent::Connection(event) = event(&text) else {
                panic!("a connection event")
            };
            assert_eq!(event.migrated_from.unwrap().service_id(), id);
        }
    }
}
