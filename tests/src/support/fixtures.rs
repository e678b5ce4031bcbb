//! Bodies of events, among them the nine examples of Apideck's webhook reference.

use serde_json::Value;

pub use apideck_hooks::testing::EXAMPLES;

/// The example body of an event.
pub fn example(name: &str) -> &'static str {
    EXAMPLES
        .iter()
        .find(|(event, _)| *event == name)
        .expect("an example")
        .1
}

/// Removes the white space between tokens and keeps the order of the keys, as bodies are sent.
pub fn minify(json: &str) -> String {
    let mut minified = String::new();
    let mut inside = false;
    let mut escaped = false;
    for c in json.chars() {
        if inside || !c.is_ascii_whitespace() {
            minified.push(c);
        }
        inside ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    minified
}

/// The body of an event without a payload of its own.
pub fn body(event_type: &str, event_id: &str) -> String {
    serde_json::json!({
        "payload": {
            "event_type": event_type,
            "event_id": event_id,
            "entity_id": "entity",
            "execution_attempt": 1,
            "occurred_at": "2021-10-01T03:14:55.419Z",
        }
    })
    .to_string()
}

/// Sorts the keys of a body, inside arrays too. `serde_json` keeps the keys of an object in order.
pub fn sorted(body: &str) -> String {
    serde_json::from_str::<Value>(body).expect("JSON").to_string()
}
