//! The fields of a body that can hold credentials of end users.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The fields that hold any JSON (OpenAPI description 10.34.0).
const FREE_FORM: &[&str] = &["settings", "metadata"];

fn is_free_form(name: &str) -> bool {
    FREE_FORM.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// Removes the credentials from a body. `None` if it has none, so that it can be kept as it is.
///
/// # Errors
///
/// The body is not JSON, or is nested too deeply. So its credentials cannot be found.
pub(super) fn without_credentials(body: &[u8]) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = CredentialSearch.deserialize(&mut reader)?;
    reader.end()?;
    if !found {
        return Ok(None);
    }
    let mut json: Value = serde_json::from_slice(body)?;
    blank(&mut json);
    serde_json::to_vec(&json).map(Some)
}

fn blank(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for (name, member) in members {
                if is_free_form(name) && !member.is_null() {
                    *member = Value::Object(Map::new());
                } else {
                    blank(member);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(blank),
        _ => {}
    }
}

/// The search for a field that can hold credentials.
///
/// It looks at the text and not at a parsed value, because a parsed value has lost all but the last
/// of equal keys.
struct CredentialSearch;

impl<'de> DeserializeSeed<'de> for CredentialSearch {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CredentialSearch {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<String>()? {
            if is_free_form(&name) {
                found |= !is_empty(&members.next_value::<Value>()?);
            } else {
                found |= members.next_value_seed(Self)?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(inside) = elements.next_element_seed(Self)? {
            found |= inside;
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_removed_wherever_they_are() {
        for body in [
            r#"{"payload":{"entity":{"settings":{"api_key":"SECRET"}}}}"#,
            r#"{"payload":{"entity":{"metadata":"SECRET"}}}"#,
            r#"[{"a":[{"settings":["SECRET"]}]}]"#,
            r#"{"s\u0065ttings":{"a":"SECRET"}}"#,
            r#"{"Settings":{"a":"SECRET"}}"#,
            r#"{"settings":{"a":"SECRET"},"settings":null}"#,
            r#"{"a":{"settings":"SECRET"},"a":1}"#,
        ] {
            let kept = without_credentials(body.as_bytes()).unwrap().expect(body);
            let kept = String::from_utf8(kept).unwrap();
            assert!(!kept.contains("SECRET"), "{kept}");
        }
    }

    #[test]
    fn a_body_without_credentials_is_kept_and_an_unreadable_one_is_not() {
        for body in [
            r#"{ "settings": null, "a": {"metadata": {} }, "b": [1, 2.5, "x", true] }"#,
            "1",
            "{}",
        ] {
            assert_eq!(without_credentials(body.as_bytes()).unwrap(), None, "{body}");
        }
        let deep = "[".repeat(1000);
        for body in ["", "settings=SECRET", "{} {}", r#"{"settings":"#, &deep] {
            assert!(without_credentials(body.as_bytes()).is_err(), "{body}");
        }
    }
}
