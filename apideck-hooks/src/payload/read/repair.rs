//! Reading what is not as documented: an odd field must not cost the event.

use crate::event::Family;
use serde_json::{Map, Value};

const TEXTS: &[&str] = &[
    "event_id",
    "unified_api",
    "service_id",
    "consumer_id",
    "entity_id",
    "entity_type",
    "entity_url",
];
const ENTITY_TEXTS: &[&str] = &[
    "id",
    "consumer_id",
    "unified_api",
    "service_id",
    "name",
    "icon",
    "logo",
    "website",
    "tag_line",
    "auth_type",
    "state",
    "health",
];

/// Makes a payload's known fields be of their types where that can be done: a number or truth value for a text is its
/// text, what makes no sense is left out. An entity that is no object stays: without it there is nothing to handle.
pub(super) fn repair(payload: &mut Map<String, Value>, family: Family) {
    texts(payload, TEXTS);
    keep(payload, "execution_attempt", Value::is_number);
    if family == Family::Resource {
        // Not fields of this family, so of no known type.
        payload.remove("entity");
        payload.remove("migrated_from");
        return;
    }
    keep(payload, "entity", |entity| {
        !entity.as_array().is_some_and(Vec::is_empty)
    });
    if let Some(Value::Object(entity)) = payload.get_mut("entity") {
        texts(entity, ENTITY_TEXTS);
        keep(entity, "enabled", Value::is_boolean);
        keep(entity, "settings", Value::is_object);
        keep(entity, "metadata", Value::is_object);
    }
}

fn texts(object: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        if let Some(value @ (Value::Number(_) | Value::Bool(_))) = object.get_mut(*key) {
            *value = Value::String(value.to_string());
        }
        keep(object, key, Value::is_string);
    }
}

fn keep(object: &mut Map<String, Value>, key: &str, fits: impl Fn(&Value) -> bool) {
    if object.get(key).is_some_and(|value| !fits(value)) {
        object.remove(key);
    }
}

/// The text with U+FFFD for each lone surrogate escape, if it has any: JavaScript prints one for an emoji that was cut in
/// half, and Rust has no string for it.
pub(super) fn without_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let mut repaired = text.to_vec();
    let mut changed = false;
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(text, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(text, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                repaired[at + 2..at + 6].copy_from_slice(b"fffd");
                changed = true;
                at += 6;
            }
            Some(_) => at += 6,
            // Another escape, of two bytes.
            None => at += 2,
        }
    }
    changed.then_some(repaired)
}

/// The UTF-16 code unit of the escape `\\uXXXX` at this place, if there is one.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)? as u16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_surrogates_are_replaced() {
        let repaired = |text: &str| {
            without_lone_surrogates(text.as_bytes()).map(|text| String::from_utf8(text).unwrap())
        };
        for whole in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\n\u00e9""#,
            r#""\ud8""#,
            "\\",
            "",
            "\\u",
        ] {
            assert_eq!(repaired(whole), None, "{whole}");
        }
        assert_eq!(repaired(r#""cut \ud83d""#).unwrap(), r#""cut \ufffd""#);
        assert_eq!(
            repaired(r#""\ude00\ud83d\ud83d\ude00""#).unwrap(),
            r#""\ufffd\ufffd\ud83d\ude00""#
        );
        assert_eq!(repaired(r#""\\\ud83d""#).unwrap(), r#""\\\ufffd""#);
    }
}
