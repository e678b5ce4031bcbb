//! A payload of another shape than documented.

use crate::event::EventType;
use std::fmt;

/// The payload of an event does not have the documented shape. It never quotes the payload, which may hold credentials.
///
/// As a handler's failure it is permanent: the event is set aside, and a durable store can replay it after an upgrade.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecodeError(String);

impl DecodeError {
    pub(crate) fn new(event: &EventType, error: serde_json::Error) -> Self {
        DecodeError(format!(
            "the payload of `{event}` does not decode: {}",
            without_values(&error.to_string())
        ))
    }

    pub(crate) fn unexpected(expected: &str, found: &EventType) -> Self {
        DecodeError(format!("expected the event `{expected}`, found `{found}`"))
    }

    pub(crate) fn other_family(expected: &str, found: Option<&EventType>) -> Self {
        match found {
            Some(event) => DecodeError(format!("`{event}` carries no {expected}")),
            None => DecodeError(format!("a body that is no event carries no {expected}")),
        }
    }
}

/// serde quotes the odd value ("invalid type: string \"…\", expected a map"): keep what stands around it.
fn without_values(message: &str) -> String {
    let end = message.find(['"', '`']).unwrap_or(message.len());
    let kind = message[..end].trim_end();
    match message.rfind(", expected ") {
        Some(at) if at >= end => format!("{kind}{}", &message[at..]),
        _ => kind.to_owned(),
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
