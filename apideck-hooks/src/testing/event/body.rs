//! The body of an event: the text that it was made from, or JSON that is printed as Apideck does.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::error::EventError;
use crate::event::{EventType, Family};
use crate::json::{CheckedJson, exact_value};
use crate::payload::example::{ENTITY, known_fields};
use crate::signature::canonical::MAX_DEPTH;

/// A body.
#[derive(Clone)]
pub(super) struct EventBody {
    json: Value,
    /// The text that the JSON was read from. `None` once the JSON was changed.
    text: Option<Bytes>,
}

impl EventBody {
    pub(super) fn new(json: Value) -> Self {
        Self { json, text: None }
    }

    /// Reads a text. It is sent unchanged, as long as the event is not changed.
    pub(super) fn read(text: Bytes) -> Result<Self, EventError> {
        let json = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| exact_value(CheckedJson::check(text, MAX_DEPTH)?).ok());
        let json = json.ok_or_else(|| EventError::new("the body is not JSON"))?;
        if json.get("payload").is_none() && json.get("event_type").is_some() {
            return Err(EventError::new(
                "the body has an `event_type` and no `payload` around it, as in Apideck's log: write \
                 `{\"payload\":{…}}`",
            ));
        }
        Ok(Self {
            json,
            text: Some(text),
        })
    }

    /// Keeps any text of a recording.
    pub(super) fn kept(text: Bytes) -> Self {
        let json = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| exact_value(CheckedJson::check(text, MAX_DEPTH)?).ok());
        Self {
            json: json.unwrap_or_default(),
            text: Some(text),
        }
    }

    /// Returns the payload. `None` if the body has none.
    pub(super) fn payload(&self) -> Option<&Map<String, Value>> {
        self.json.get("payload")?.as_object()
    }

    /// Returns the payload to be changed.
    pub(super) fn payload_mut(&mut self) -> Result<&mut Map<String, Value>, EventError> {
        self.text = None;
        let payload = self.json.get_mut("payload").and_then(Value::as_object_mut);
        payload.ok_or_else(|| EventError::new("the body has no `payload` that could be changed"))
    }

    /// Returns the name of the event. `None` if the body names none.
    pub(super) fn event_type(&self) -> Option<EventType> {
        let name = self.payload()?.get("event_type")?.as_str()?;
        (!name.is_empty()).then(|| EventType::from(name))
    }

    pub(super) fn family(&self) -> Family {
        self.event_type()
            .map_or(Family::Resource, |event_type| event_type.family())
    }

    /// Returns the text to send.
    pub(super) fn to_bytes(&self) -> Bytes {
        match &self.text {
            Some(text) => text.clone(),
            None => {
                let mut text = String::new();
                print(&self.json, &mut Vec::new(), self.family(), &mut text);
                Bytes::from(text)
            }
        }
    }
}

/// Prints JSON without white space, and the documented fields in their documented order. So a body
/// differs from its sorted form, as those of Apideck's examples do.
fn print<'a>(json: &'a Value, path: &mut Vec<&'a str>, family: Family, text: &mut String) {
    let Value::Object(object) = json else {
        text.push_str(&json.to_string());
        return;
    };
    let (fields, entity) = match path[..] {
        ["payload"] | ["payload", ENTITY] => known_fields(family),
        _ => (Vec::new(), &[][..]),
    };
    let order = if path.len() == 1 { &fields[..] } else { entity };
    let place = |name: &str| {
        order
            .iter()
            .position(|field| *field == name)
            .unwrap_or(order.len())
    };
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(name, _)| place(name));
    text.push('{');
    for (at, (name, member)) in members.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        path.push(name);
        print(member, path, family, text);
        path.pop();
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::example::example;

    #[test]
    fn a_body_is_compact_and_in_the_documented_order() {
        let body = EventBody::new(example(&EventType::ConnectionCallable)).to_bytes();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.starts_with(r#"{"payload":{"event_id":"#), "{text}");
        assert!(
            text.contains(r#""entity":{"id":"1111+test_user_id","consumer_id":"#),
            "{text}"
        );
        assert!(!text.contains('\n'));
        let json: Value = serde_json::from_str(text).unwrap();
        assert_eq!(json, example(&EventType::ConnectionCallable));
        assert_ne!(text, json.to_string());
    }

    #[test]
    fn a_text_is_kept_until_it_is_changed() {
        let text = r#"{ "payload": {"event_type":"crm.lead.created", "n": 1e400} }"#;
        let mut body = EventBody::read(text.into()).unwrap();
        assert_eq!(body.to_bytes(), text);
        body.payload_mut().unwrap().insert("n".to_owned(), 1.into());
        assert_eq!(
            body.to_bytes(),
            r#"{"payload":{"event_type":"crm.lead.created","n":1}}"#
        );
        assert!(EventBody::read("nonsense".into()).is_err());
        let of_the_log = EventBody::read(r#"{"event_type":"crm.lead.created"}"#.into());
        assert!(of_the_log.err().unwrap().to_string().contains("payload"));
        let mut no_event = EventBody::read("{}".into()).unwrap();
        assert!(no_event.payload_mut().is_err() && no_event.event_type().is_none());
    }
}
