//! Events that handlers get, in the form in which Node.js gives them.

use apideck_hooks::{AnyEvent, Connection, MigratedFrom, Timestamp};
use serde_json::{Map, Value, json};

fn text(text: &str) -> Value {
    json!({ "text": text })
}

fn time(time: &Option<Timestamp>) -> Value {
    time.as_ref().map_or(Value::Null, |time| text(time.as_str()))
}

/// Returns the event without its text.
pub(super) fn fields(event: &AnyEvent) -> Value {
    let event_type = event.event_type().map(|event_type| event_type.as_str());
    match event {
        AnyEvent::Connection(event) => {
            let mut fields = json!({
                "event_id": text(&event.event_id),
                "service_id": text(&event.service_id),
                "entity_id": text(&event.entity_id),
                "entity_type": text(&event.entity_type),
                "execution_attempt": event.execution_attempt,
                "occurred_at": time(&event.occurred_at),
                "migrated_from": event.migrated_from.as_ref().map(|from| match from {
                    MigratedFrom::ServiceId(id) => json!(id),
                    MigratedFrom::Other(other) => other.clone(),
                    _ => panic!("a new form"),
                }),
            });
            for (key, value) in entity(&event.entity) {
                fields[format!("entity.{key}")] = value;
            }
            json!({"kind": "connection", "event_type": event_type, "fields": fields})
        }
        AnyEvent::Resource(event) => {
            let fields = json!({
                "event_id": text(&event.event_id),
                "unified_api": text(&event.unified_api),
                "service_id": text(&event.service_id),
                "consumer_id": text(&event.consumer_id),
                "entity_id": text(&event.entity_id),
                "entity_type": text(&event.entity_type),
                "entity_url": text(&event.entity_url),
                "execution_attempt": event.execution_attempt,
                "occurred_at": time(&event.occurred_at),
            });
            json!({"kind": "resource", "event_type": event_type, "fields": fields})
        }
        AnyEvent::Other(_) => json!({"kind": "other", "event_type": event_type}),
        _ => panic!("a new kind of event"),
    }
}

fn entity(entity: &Connection) -> Map<String, Value> {
    let fields = json!({
        "id": text(&entity.id),
        "consumer_id": text(&entity.consumer_id),
        "unified_api": text(&entity.unified_api),
        "service_id": text(&entity.service_id),
        "name": text(&entity.name),
        "icon": text(&entity.icon),
        "logo": text(&entity.logo),
        "website": text(&entity.website),
        "tag_line": text(&entity.tag_line),
        "auth_type": text(entity.auth_type.as_str()),
        "enabled": entity.enabled,
        "state": text(entity.state.as_str()),
        "health": entity.health.as_ref().map(|health| text(health.as_str())),
        "settings": entity.settings,
        "metadata": entity.metadata,
        "created_at": time(&entity.created_at),
        "updated_at": time(&entity.updated_at),
        "credentials_expire_at": time(&entity.credentials_expire_at),
        "last_refresh_failed_at": time(&entity.last_refresh_failed_at),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Compares a value with Node's. A number is compared as a double. A text that was a number in the
/// body has the digits of the body, and Node gives the number.
pub(super) fn is_same(ours: &Value, nodes: &Value) -> bool {
    match (ours, nodes) {
        (Value::Number(ours), Value::Number(nodes)) => ours.as_f64() == nodes.as_f64(),
        (Value::Array(ours), Value::Array(nodes)) => {
            ours.len() == nodes.len() && ours.iter().zip(nodes).all(|(ours, nodes)| is_same(ours, nodes))
        }
        (Value::Object(ours), Value::Object(nodes)) => {
            if let (1, Some(Value::String(digits)), Some(number)) =
                (ours.len(), ours.get("text"), nodes.get("number"))
            {
                return digits.parse().ok() == number.as_f64();
            }
            let is_same = |(key, nodes)| ours.get(key).is_some_and(|ours| is_same(ours, nodes));
            ours.len() == nodes.len() && nodes.iter().all(is_same)
        }
        _ => ours == nodes,
    }
}
