//! The error of a payload without the documented shape.

use std::fmt;

use crate::event::EventType;
use crate::json::without_values;

/// The error of a payload that does not have the documented shape.
///
/// Its text never quotes the payload, because the payload may hold credentials. It is a permanent
/// failure: the event is dead-lettered, and can be replayed from a durable store after an upgrade.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecodeError(String);

impl DecodeError {
    pub(crate) fn new(event: &EventType, error: &serde_json::Error) -> Self {
        Self(format!(
            "the payload of `{event}` cannot be decoded: {}",
            without_values(error)
        ))
    }

    pub(crate) fn unexpected(expected: &str, found: &EventType) -> Self {
        Self(format!("expected the event `{expected}`, found `{found}`"))
    }

    pub(crate) fn other_family(expected: &str, found: Option<&EventType>) -> Self {
        match found {
            Some(event) => Self(format!("`{event}` does not have the payload `{expected}`")),
            None => Self(format!(
                "a body that is not an event does not have the payload `{expected}`"
            )),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use crate::payload::AnyEvent;

    #[test]
    fn values_are_left_out() {
        for json in [
            r#"{"payload":{"event_type":"vault.connection.created","entity":"hunter2, expected x"}}"#,
            r#"{"payload":{"event_type":"vault.connection.created","entity":["hunter2"]}}"#,
        ] {
            let message = AnyEvent::from_json(json.as_bytes()).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(
                message.contains("vault.connection.created") && message.contains("expected"),
                "{message}"
            );
        }
    }
}
