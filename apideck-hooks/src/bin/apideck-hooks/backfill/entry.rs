//! An entry of Apideck's log.
//!
//! Apideck's documents leave open if an entry is one delivery or an event with all its `attempts`.
//! Both are read: an entry has succeeded if itself or one of its attempts has.

use std::time::SystemTime;

use apideck_hooks::Timestamp;
use serde_json::Value;

/// An entry of the log.
pub(super) struct LogEntry {
    pub(super) event_type: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) success: bool,
    pub(super) retry_scheduled: bool,
    /// The greatest count of deliveries.
    pub(super) attempt: u64,
    /// The times of its first and its last delivery.
    pub(super) first: Option<SystemTime>,
    pub(super) last: Option<SystemTime>,
    pub(super) body: Option<String>,
}

impl LogEntry {
    pub(super) fn new(entry: Value) -> Self {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        let (event_type, endpoint) = (text("event_type"), text("endpoint"));
        let attempts = entry["attempts"].as_array().map_or(&[][..], Vec::as_slice);
        let each = || std::iter::once(&entry).chain(attempts);
        let times = || each().filter_map(|one| Timestamp::from(one["timestamp"].as_str()?).get());
        let (first, last) = (times().min(), times().max());
        let attempt = each()
            .filter_map(|one| one["execution_attempt"].as_u64())
            .max()
            .unwrap_or(0);
        let success = each().any(succeeded);
        let retry_scheduled = entry["retry_scheduled"] == true;
        // Documented as a text. An object would be the same body, not yet printed.
        let body = match &entry["request_body"] {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            object @ Value::Object(_) => Some(object.to_string()),
            _ => None,
        };
        Self {
            event_type,
            endpoint,
            success,
            retry_scheduled,
            attempt,
            first,
            last,
            body,
        }
    }
}

fn succeeded(one: &Value) -> bool {
    match one["success"].as_bool() {
        Some(success) => success,
        None => one["status_code"]
            .as_u64()
            .is_some_and(|status| (200..300).contains(&status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_has_succeeded_if_an_attempt_has() {
        let attempt =
            |success: bool, at: &str| json!({"success": success, "timestamp": at, "execution_attempt": 2});
        let entry = LogEntry::new(json!({
            "success": false, "execution_attempt": 1, "timestamp": "2026-11-29T10:00:00Z", "request_body": {"a": 1},
            "attempts": [attempt(false, "2026-11-29T09:00:00Z"), attempt(true, "2026-11-29T11:00:00Z")],
        }));
        assert!(entry.success && !entry.retry_scheduled && entry.attempt == 2);
        assert_eq!(entry.first, Timestamp::from("2026-11-29T09:00:00Z").get());
        assert_eq!(entry.last, Timestamp::from("2026-11-29T11:00:00Z").get());
        assert_eq!(entry.body.as_deref(), Some(r#"{"a":1}"#));
        assert!(LogEntry::new(json!({"status_code": 204})).success);
        let empty = LogEntry::new(json!("no object"));
        assert!(!empty.success && empty.body.is_none() && empty.last.is_none());
    }
}
