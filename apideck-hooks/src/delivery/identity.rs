//! The keys by which two deliveries are recognised as the same event.

use serde_json::Value;

use super::Key;

/// The keys by which two deliveries are recognised as the same event.
///
/// | key | made of |
/// | --- | --- |
/// | event key | `source`, `event_type`, `event_id`, `entity_id` |
/// | delivery key | `source`, `event_type`, the header `x-apideck-idempotency-key` |
///
/// Apideck signs the body only (webhook reference), so the header of a captured body can be
/// replaced. `event_type`, `event_id` and `entity_id` come from the signed body.
///
/// A delivery with neither key is recognised by the SHA-256 of its verified text. The text is
/// hashed without `execution_attempt`, because Apideck counts that up with every retry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Identity {
    /// Both keys. The event key names the record, and the first delivery with a delivery key binds
    /// that key to the record.
    ///
    /// A captured body under a new header is a duplicate. A known header with another `event_id` is
    /// a duplicate too.
    #[default]
    EventAndHeader,
    /// The event key alone. The header is ignored.
    EventOnly,
    /// The delivery key alone, as Apideck documents. **A captured body under a new header is
    /// handled again.**
    HeaderOnly,
}

/// The keys of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    /// Key of the record.
    pub(crate) event: Key,
    /// Delivery key, which is bound to the record.
    pub(crate) delivery: Option<Key>,
}

// The first byte of the hashed text, so keys of different kinds never collide. Durable stores keep
// keys, so these values never change.
const EVENT: u8 = 1;
const DELIVERY: u8 = 2;
const TEXT: u8 = 3;

/// Makes the keys of a delivery. `event_type`, `event_id` and `entity_id` are empty if the body has
/// none.
pub(crate) fn keys(
    identity: Identity,
    source: &str,
    (event_type, event_id, entity_id): (&str, &str, &str),
    header: Option<&str>,
    text: &[u8],
) -> Keys {
    let of = |kind, parts: &[&str]| {
        let [first, second] = [source.as_bytes(), event_type.as_bytes()];
        match parts {
            [one] => Key::of(kind, &[first, second, one.as_bytes()]),
            [one, two] => Key::of(kind, &[first, second, one.as_bytes(), two.as_bytes()]),
            _ => Key::of(kind, &[first, second]),
        }
    };
    let event = || (!event_id.is_empty()).then(|| of(EVENT, &[event_id, entity_id]));
    let delivery = || header.map(|header| of(DELIVERY, &[header]));
    let text = || {
        Key::of(
            TEXT,
            &[source.as_bytes(), event_type.as_bytes(), &without_attempt(text)],
        )
    };
    match identity {
        Identity::EventAndHeader => match (event(), delivery()) {
            (Some(event), delivery) => Keys { event, delivery },
            (None, Some(event)) => Keys {
                event,
                delivery: None,
            },
            (None, None) => Keys {
                event: text(),
                delivery: None,
            },
        },
        Identity::EventOnly => Keys {
            event: event().unwrap_or_else(text),
            delivery: None,
        },
        Identity::HeaderOnly => Keys {
            event: delivery().or_else(event).unwrap_or_else(text),
            delivery: None,
        },
    }
}

/// Returns the text without `execution_attempt`, which every retry changes. A text that is not JSON
/// is returned unchanged.
fn without_attempt(text: &[u8]) -> Vec<u8> {
    let Ok(mut tree) = serde_json::from_slice::<Value>(text) else {
        return text.to_owned();
    };
    if let Some(payload) = tree.get_mut("payload").and_then(Value::as_object_mut) {
        payload.remove("execution_attempt");
    }
    tree.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_and_header(event: (&str, &str, &str), header: Option<&str>, text: &str) -> Keys {
        keys(Identity::EventAndHeader, "", event, header, text.as_bytes())
    }

    #[test]
    fn neighbouring_parts_are_separated() {
        let one = event_and_header(("a", "b", "cd"), None, "");
        let two = event_and_header(("a", "bc", "d"), None, "");
        assert_ne!(one.event, two.event);
    }

    #[test]
    fn a_header_never_collides_with_an_event_id() {
        let event = event_and_header(("a", "x", ""), None, "");
        let header = event_and_header(("a", "", ""), Some("x"), "");
        assert_ne!(event.event, header.event);
    }

    #[test]
    fn a_retry_without_a_key_is_recognised_by_its_text() {
        let first = event_and_header(
            ("a", "", ""),
            None,
            r#"{"payload":{"execution_attempt":1,"x":1}}"#,
        );
        let retry = event_and_header(
            ("a", "", ""),
            None,
            r#"{"payload":{"execution_attempt":2,"x":1}}"#,
        );
        let other = event_and_header(
            ("a", "", ""),
            None,
            r#"{"payload":{"execution_attempt":2,"x":2}}"#,
        );
        assert_eq!(first, retry);
        assert_ne!(first, other);
    }

    #[test]
    fn each_source_has_keys_of_its_own() {
        let key = |source| keys(Identity::EventAndHeader, source, ("a", "b", "c"), Some("d"), b"");
        assert_ne!(key("one").event, key("two").event);
        assert_ne!(key("one").delivery, key("two").delivery);
    }

    /// Durable stores keep keys across releases.
    #[test]
    fn keys_never_change() {
        let keys = event_and_header(("vault.connection.callable", "e1", "c1"), Some("h1"), "");
        assert_eq!(keys.event.to_string(), "a7799226962da4c2b5be5c219ba29161");
        assert_eq!(
            keys.delivery.unwrap().to_string(),
            "6291f9e4ea21e667e0b4052e331b1c6e"
        );
    }
}
