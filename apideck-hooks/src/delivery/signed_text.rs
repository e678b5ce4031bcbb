//! A verified text without Apideck's count of deliveries.

use crate::signature::canonical::{Sorting, canonical};

/// Returns the sorted text without `payload.execution_attempt`, which every retry changes.
///
/// It is made by the crate's own sorter. So it is the same for every form of the body, and under
/// every feature that another crate turns on in `serde_json`. A text that is not JSON is returned
/// unchanged.
pub(super) fn without_attempt(text: &[u8]) -> Vec<u8> {
    let Ok(sorted) = canonical(text, Sorting::Everywhere) else {
        return text.to_owned();
    };
    let mut sorted = sorted.into_text(text);
    let member = value_of(&sorted, 0, b"\"payload\"")
        .and_then(|payload| value_of(&sorted, payload, b"\"execution_attempt\""));
    if let Some(start) = member {
        let end = end_of_value(&sorted, start);
        sorted.drain(start..end);
    }
    sorted
}

/// Returns the position of the value of this key in the object at `start`. The text is compact.
fn value_of(text: &[u8], start: usize, key: &[u8]) -> Option<usize> {
    if text.get(start) != Some(&b'{') {
        return None;
    }
    let mut at = start + 1;
    while text.get(at) == Some(&b'"') {
        let colon = end_of_value(text, at);
        if text.get(at..colon) == Some(key) {
            return Some(colon + 1);
        }
        // After the value and its comma.
        at = end_of_value(text, colon + 1) + 1;
    }
    None
}

/// Returns the position after the value at `start`. The text is compact JSON.
fn end_of_value(text: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            // The end of the object or array around the value.
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str) -> String {
        String::from_utf8(without_attempt(text.as_bytes())).unwrap()
    }

    #[test]
    fn only_the_payloads_count_is_left_out() {
        let text = r#"{"payload":{"execution_attempt":[{"a":"}\"]"}],"x":{"execution_attempt":1}},"execution_attempt":2}"#;
        let wanted =
            r#"{"execution_attempt":2,"payload":{"execution_attempt":,"x":{"execution_attempt":1}}}"#;
        assert_eq!(without(text), wanted);
    }

    #[test]
    fn other_texts_are_left_as_they_are() {
        for text in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"payload":[1]}"#,
            r#"{"payload":{}}"#,
            "1",
        ] {
            assert_eq!(without(text), text);
        }
    }
}
