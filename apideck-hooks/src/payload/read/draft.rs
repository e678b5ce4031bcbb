//! An event while it is read.

use super::parsed::{EventIdentity, Parsed};
use super::scanner::Scanner;
use crate::event::{EventType, Family};
use crate::json::Piece;
use crate::payload::any::AnyEvent;
use crate::payload::connection::Connection;
use crate::payload::connection_event::ConnectionEvent;
use crate::payload::lenient::whole;
use crate::payload::migrated_from::MigratedFrom;
use crate::payload::raw::Raw;
use crate::payload::resource_event::ResourceEvent;
use crate::payload::timestamp::Timestamp;
use crate::signature::VerifiedText;
use serde::de::IgnoredAny;
use serde_json::Number;
use std::borrow::Cow;

/// The fields of both families, as the family is only known once they are read. Texts are still pieces of what they were read
/// from.
///
/// Reading goes field by field into the place where the handler finds it. What serde derives builds the same structs beside
/// each other and moves them from function to function, which takes longer than all the rest.
#[derive(Default)]
pub(super) struct Draft<'a> {
    event_id: Cow<'a, str>,
    event_type: Cow<'a, str>,
    unified_api: Cow<'a, str>,
    service_id: Cow<'a, str>,
    consumer_id: Cow<'a, str>,
    entity_id: Cow<'a, str>,
    entity_type: Cow<'a, str>,
    entity_url: Cow<'a, str>,
    execution_attempt: Option<u32>,
    occurred_at: Option<Timestamp>,
    migrated_from: Option<MigratedFrom>,
    /// With the entity, if there is one.
    connection: Option<Box<ConnectionEvent>>,
}

/// Reads an event, if it is as documented. None if anything is odd about it: a key that comes twice, a value of another type, or
/// what is no event at all.
pub(super) fn read(text: &VerifiedText) -> Option<Parsed> {
    // Checked once, and not string by string.
    let mut scanner = Scanner::new(std::str::from_utf8(text).ok()?);
    let mut draft = None;
    scanner.object(|scanner, key| match key {
        "payload" if draft.is_none() => draft.insert(Draft::default()).read(scanner),
        "payload" => None,
        _ => skip(scanner),
    })?;
    scanner.end()?;
    draft?.finish(text)
}

fn skip(scanner: &mut Scanner<'_>) -> Option<()> {
    if scanner.string().is_some() {
        return Some(());
    }
    scanner.value::<IgnoredAny>().map(drop)
}

impl<'a> Draft<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        scanner.object(|scanner, key| {
            let text = match key {
                "event_id" => &mut self.event_id,
                "event_type" => &mut self.event_type,
                "unified_api" => &mut self.unified_api,
                "service_id" => &mut self.service_id,
                "consumer_id" => &mut self.consumer_id,
                "entity_id" => &mut self.entity_id,
                "entity_type" => &mut self.entity_type,
                "entity_url" => &mut self.entity_url,
                "entity" => {
                    first(&self.connection)?;
                    return entity(scanner, &mut self.connection.insert(Box::default()).entity);
                }
                "execution_attempt" => {
                    first(&self.execution_attempt)?;
                    self.execution_attempt = match scanner.count() {
                        Some(count) => Some(count),
                        None => whole(scanner.value::<Option<Number>>()?),
                    };
                    return Some(());
                }
                "occurred_at" => return time(scanner, &mut self.occurred_at),
                "migrated_from" => return value(scanner, &mut self.migrated_from),
                _ => return skip(scanner),
            };
            if !text.is_empty() {
                return None;
            }
            *text = scanner.text()?;
            Some(())
        })
    }

    /// `text` is what it was read from.
    fn finish(self, text: &VerifiedText) -> Option<Parsed> {
        if self.event_type.is_empty() {
            return None;
        }
        let event_type = EventType::from(&*self.event_type);
        let identity = EventIdentity {
            event_id: Piece::of(text, &self.event_id),
            entity_id: Piece::of(text, &self.entity_id),
            occurred_at: self
                .occurred_at
                .as_ref()
                .map_or_else(Piece::default, |at| at.as_str().to_owned().into()),
            execution_attempt: self.execution_attempt,
        };
        let event = match event_type.family() {
            Family::Connection => {
                let mut event = self.connection.unwrap_or_default();
                event.event_id = self.event_id.into_owned();
                event.event_type = event_type.clone();
                event.service_id = self.service_id.into_owned();
                event.entity_id = self.entity_id.into_owned();
                event.entity_type = self.entity_type.into_owned();
                event.execution_attempt = self.execution_attempt;
                event.occurred_at = self.occurred_at;
                event.migrated_from = self.migrated_from;
                event.raw = Raw::new(text);
                AnyEvent::Connection(event)
            }
            Family::Resource => AnyEvent::Resource(Box::new(ResourceEvent {
                event_id: self.event_id.into_owned(),
                event_type: event_type.clone(),
                unified_api: self.unified_api.into_owned(),
                service_id: self.service_id.into_owned(),
                consumer_id: self.consumer_id.into_owned(),
                entity_id: self.entity_id.into_owned(),
                entity_type: self.entity_type.into_owned(),
                entity_url: self.entity_url.into_owned(),
                occurred_at: self.occurred_at,
                execution_attempt: self.execution_attempt,
                raw: Raw::new(text),
            })),
        };
        Some(Parsed::Event {
            event_type,
            identity,
            event: Ok(event),
        })
    }
}

fn entity(scanner: &mut Scanner<'_>, connection: &mut Connection) -> Option<()> {
    scanner.object(|scanner, key| {
        let text = match key {
            "id" => &mut connection.id,
            "consumer_id" => &mut connection.consumer_id,
            "unified_api" => &mut connection.unified_api,
            "service_id" => &mut connection.service_id,
            "name" => &mut connection.name,
            "icon" => &mut connection.icon,
            "logo" => &mut connection.logo,
            "website" => &mut connection.website,
            "tag_line" => &mut connection.tag_line,
            "auth_type" => return name(scanner, &mut connection.auth_type),
            "state" => return name(scanner, &mut connection.state),
            "enabled" => return flag(scanner, &mut connection.enabled),
            "health" => return value(scanner, &mut connection.health),
            "settings" => return value(scanner, &mut connection.settings),
            "metadata" => return value(scanner, &mut connection.metadata),
            "created_at" => return time(scanner, &mut connection.created_at),
            "updated_at" => return time(scanner, &mut connection.updated_at),
            "credentials_expire_at" => return time(scanner, &mut connection.credentials_expire_at),
            "last_refresh_failed_at" => return time(scanner, &mut connection.last_refresh_failed_at),
            _ => return skip(scanner),
        };
        if !text.is_empty() {
            return None;
        }
        *text = scanner.text()?.into_owned();
        Some(())
    })
}

/// None where something was read before: of two equal keys the last one counts, and the first may have left more behind.
fn first<T>(place: &Option<T>) -> Option<()> {
    place.is_none().then_some(())
}

fn value<'a, T: serde::Deserialize<'a>>(scanner: &mut Scanner<'a>, place: &mut Option<T>) -> Option<()> {
    first(place)?;
    *place = scanner.value()?;
    Some(())
}

fn flag(scanner: &mut Scanner<'_>, place: &mut Option<bool>) -> Option<()> {
    first(place)?;
    *place = match scanner.flag() {
        Some(flag) => Some(flag),
        None => scanner.value()?,
    };
    Some(())
}

fn name<T>(scanner: &mut Scanner<'_>, place: &mut T) -> Option<()>
where
    T: for<'t> From<&'t str> + AsRef<str>,
{
    if !(*place).as_ref().is_empty() {
        return None;
    }
    *place = T::from(&scanner.text()?);
    Some(())
}

fn time(scanner: &mut Scanner<'_>, place: &mut Option<Timestamp>) -> Option<()> {
    first(place)?;
    *place = match scanner.string() {
        Some(text) => Some(Timestamp::from(text)),
        None => scanner.value()?,
    };
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::parse_slowly;
    use super::*;
    use crate::payload::DecodeError;
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    type Parts = (EventType, [String; 2], Option<u32>, Result<AnyEvent, DecodeError>);

    /// All that there is to compare.
    fn parts(parsed: Parsed, text: &VerifiedText) -> Option<Parts> {
        match parsed {
            Parsed::Event {
                event_type,
                identity,
                event,
            } => {
                let ids = [&identity.event_id, &identity.entity_id].map(|id| id.as_str(text).to_owned());
                Some((event_type, ids, identity.execution_attempt, event))
            }
            Parsed::NoEvent => None,
        }
    }

    /// Whether it is read here, and then as it is read from a tree.
    fn is_read(text: &str) -> bool {
        let text = VerifiedText::kept(Bytes::copy_from_slice(text.as_bytes()));
        let Some(parsed) = read(&text) else { return false };
        let (event_type, ids, attempt, event) = parts(parsed, &text).expect("an event");
        let slow = parts(parse_slowly(&text), &text).expect("an event");
        assert_eq!(
            (event_type, ids, attempt),
            (slow.0, slow.1, slow.2),
            "{:?}",
            *text
        );
        assert_eq!(
            event.expect("a payload"),
            slow.3.expect("a payload"),
            "{:?}",
            *text
        );
        true
    }

    /// With every field, each other than the others.
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
                "created_at": "2020-09-19T12:18:37.071Z", "updated_at": "2020-09-19T12:18:37.072Z",
                "credentials_expire_at": "2020-09-19T12:18:37.073Z", "last_refresh_failed_at": 5,
                "brand_new": [{}]
            },
            "brand_new": {"x": "y"}
        }, "brand_new": 1})
    }

    #[test]
    fn what_apideck_documents_is_read_here() {
        for event_type in [
            "vault.connection.created",
            "crm.lead.created",
            "vault.connection.brand_new",
        ] {
            let full = full(event_type);
            assert!(is_read(&full.to_string()));
            assert!(is_read(&format!(" {full:#}\n")));
        }
        for entry in std::fs::read_dir("../tests/fixtures").unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(is_read(&text), "{text}");
        }
    }

    /// A field more in one of the structs is to be read here too.
    #[test]
    fn every_field_is_read_here() {
        for (event_type, fields) in [("vault.connection.created", 9), ("crm.lead.created", 10)] {
            let text = VerifiedText::kept(full(event_type).to_string().into());
            let Some(Parsed::Event { event: Ok(event), .. }) = read(&text) else {
                panic!("an event")
            };
            let written = match event {
                AnyEvent::Connection(event) => serde_json::to_value(*event),
                AnyEvent::Resource(event) => serde_json::to_value(*event),
                AnyEvent::Other(_) => panic!("an event"),
            };
            let written = written.unwrap();
            assert_eq!(written.as_object().unwrap().len(), fields);
            for (key, value) in written.as_object().unwrap() {
                let read = &full(event_type)["payload"][key];
                match value.as_object() {
                    Some(entity) => {
                        assert_eq!(entity.len(), 19);
                        for (key, value) in entity {
                            let text = read[key].as_u64().map(|number| number.to_string().into());
                            assert_eq!(*value, text.unwrap_or(read[key].clone()), "{key}");
                        }
                    }
                    None => assert_eq!(value, read, "{key}"),
                }
            }
        }
    }

    #[test]
    fn what_is_odd_is_left_to_others() {
        for payload in [
            r#""event_type":"crm.lead.created","event_id":"a","event_id":"b""#,
            r#""event_type":"crm.lead.created","event_id":7"#,
            r#""event_type":"crm.lead.created","event_type":"crm.lead.updated""#,
            r#""event_type":"vault.connection.created","entity":{"id":"a"},"entity":{}"#,
            r#""event_type":"vault.connection.created","entity":{"enabled":true,"enabled":null}"#,
            r#""event_type":"vault.connection.created","entity":{"state":"added","state":null}"#,
            r#""event_type":"vault.connection.created","entity":{"created_at":"a","created_at":null}"#,
            r#""event_type":"vault.connection.created","entity":[]"#,
            r#""event_type":"vault.connection.created","entity":{"name":"\ud800"}"#,
            r#""event_type":"vault.connection.created","entity":{"settings":7}"#,
            r#""event_type":"vault.connection.created","entity":{"settings":{"a":1e400}}"#,
            r#""event_type":"vault.connection.created","execution_attempt":1e400"#,
            r#""event\u005ftype":"vault.connection.created""#,
            r#""event_type":null"#,
            r#""event_type":"""#,
            "",
        ] {
            assert!(!is_read(&format!(r#"{{"payload":{{{payload}}}}}"#)), "{payload}");
        }
        let payload = r#""payload":{"event_type":"crm.lead.created"}"#;
        assert!(is_read(&format!("{{{payload}}}")));
        for text in [
            format!("{{{payload},{payload}}}"),
            format!("{{{payload}}}x"),
            format!("[{{{payload}}}]"),
        ] {
            assert!(!is_read(&text), "{text}");
        }
        assert!(
            read(&VerifiedText::kept(Bytes::from_static(
                b"{\"\xff\":1,\"payload\":{\"event_type\":\"crm.lead.created\"}}"
            )))
            .is_none()
        );
    }

    #[test]
    fn what_no_tree_takes_may_stand_in_an_unknown_field() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for value in ["1e400", "\"\\ud83d\"", &deep] {
            let payload = r#""event_type":"vault.connection.created","entity":{"id":"a","new":"#;
            let text = format!(r#"{{"payload":{{{payload}{value}}},"new":{value}}},"new":{value}}}"#);
            let Some(Parsed::Event {
                event: Ok(AnyEvent::Connection(event)),
                ..
            }) = read(&VerifiedText::kept(text.into()))
            else {
                panic!("{value}")
            };
            assert_eq!(event.entity.id, "a");
        }
    }

    /// Something for a field: what fits it, most of the time.
    fn field(key: &'static str) -> BoxedStrategy<String> {
        let value = prop_oneof![
            8 => Just(full("vault.connection.created")["payload"][key].to_string()),
            8 => Just(full("vault.connection.created")["payload"]["entity"][key].to_string()),
            4 => prop::sample::select(vec![
                "null", "\"\"", "1", "true", "-2.0", "1e2", "{}", "[]", "{\"a\":[1,\"]\"]}", "\"\\u00e9\\ud83d\\ude00\"",
                "\"\\ud800\"", "\"crm.lead.created\"", "\"oauth2\"", "\"revoked\"", "nul", "\"\u{1}\"", "",
            ]).prop_map(str::to_owned),
            1 => any::<String>().prop_map(|text| json!(text).to_string()),
        ];
        value.prop_map(move |value| format!("\"{key}\":{value}")).boxed()
    }

    fn object(keys: Vec<&'static str>) -> impl Strategy<Value = String> {
        let fields = prop::collection::vec(prop::sample::select(keys).prop_flat_map(field), 0..8);
        (fields, prop::sample::select(vec![",", " , ", ",,"])).prop_map(|(fields, comma)| {
            let comma = if fields.len() % 4 == 0 { comma } else { "," };
            format!("{{{}}}", fields.join(comma))
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_as_from_a_tree(
            payload in object(vec![
                "event_id", "event_type", "unified_api", "service_id", "consumer_id", "entity_id", "entity_type",
                "entity_url", "execution_attempt", "occurred_at", "migrated_from", "brand_new",
            ]),
            entity in object(vec![
                "id", "consumer_id", "name", "icon", "tag_line", "auth_type", "state", "enabled", "health", "settings",
                "metadata", "created_at", "last_refresh_failed_at", "brand_new",
            ]),
            before in any::<bool>(),
        ) {
            let event_type = r#""event_type":"vault.connection.created""#;
            let payload = payload.trim_start_matches('{').trim_end_matches('}');
            let mut fields = [event_type, &format!("\"entity\":{entity}"), payload];
            if before {
                fields.rotate_left(1);
            }
            let fields: Vec<_> = fields.into_iter().filter(|field| !field.is_empty()).collect();
            is_read(&format!("{{\"payload\":{{{}}}}}", fields.join(",")));
        }
    }
}
