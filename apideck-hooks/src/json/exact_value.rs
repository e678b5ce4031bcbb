//! JSON values that are the same under every feature of `serde_json`.
//!
//! # How it works
//!
//! Any crate of a program can turn on a feature of `serde_json`, and then `Value` is read in
//! another way for all of them. Under `arbitrary_precision` a number is kept as its text, so `1.0`
//! and `1.00` differ and `1e400` is a number. Under this feature and under `raw_value` an object
//! with a certain key is taken for a number or for a value.
//!
//! The visitor here makes each number of a `u64`, an `i64` or an `f64`. A number that is none of
//! them is `null`, as JavaScript prints it. No key but that of a number has a meaning.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The key of the object as which `serde_json` gives a number under `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// `true` if `serde_json` gives numbers as texts.
static ARBITRARY_PRECISION: LazyLock<bool> =
    LazyLock::new(|| serde_json::from_str::<Number>("1e400").is_ok());

/// Tells if `serde_json` gives numbers as texts, so that it cannot tell a number from an object.
pub(crate) fn has_arbitrary_precision() -> bool {
    *ARBITRARY_PRECISION
}

/// Deserialises any value.
pub(crate) fn exact_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    deserializer.deserialize_any(ValueVisitor)
}

/// Returns the number of this text of a JSON number. `null` if it is beyond a double.
pub(crate) fn exact_number(text: &str) -> Value {
    if let Ok(number) = text.parse::<u64>() {
        return number.into();
    }
    match text.parse::<i64>() {
        // `-0` is a double.
        Ok(number) if number != 0 => number.into(),
        _ => double(text.parse().unwrap_or(f64::INFINITY)),
    }
}

fn double(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

struct ValueVisitor;

impl<'de> DeserializeSeed<'de> for ValueVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        exact_value(deserializer)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        exact_value(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(double(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(ValueVisitor)? {
            array.push(element);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key_seed(KeyVisitor)? {
            match key {
                MemberName::Number => return members.next_value().map(|text: String| exact_number(&text)),
                // The last of equal keys wins, as in JavaScript.
                MemberName::Text(name) => drop(object.insert(name, members.next_value_seed(ValueVisitor)?)),
            }
        }
        Ok(object.into())
    }
}

enum MemberName {
    Text(String),
    /// The value is the text of a number.
    Number,
}

struct KeyVisitor;

impl<'de> DeserializeSeed<'de> for KeyVisitor {
    type Value = MemberName;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MemberName, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyVisitor {
    type Value = MemberName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<MemberName, E> {
        Ok(if key == NUMBER && has_arbitrary_precision() {
            MemberName::Number
        } else {
            MemberName::Text(key.to_owned())
        })
    }

    /// `CheckedJson` gives its keys as bytes, because it reads numbers itself.
    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<MemberName, E> {
        match std::str::from_utf8(key) {
            Ok(key) => Ok(MemberName::Text(key.to_owned())),
            Err(_) => Err(E::custom("a key is not UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> serde_json::Result<Value> {
        exact_value(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn numbers_are_those_of_the_text() {
        for text in [
            "0",
            "7",
            "-7",
            "-0",
            "-0.0",
            "1.0",
            "1e2",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "12.100000000000001",
            "1330360.1526751001",
            "999999999999.9999",
            "123456789012345678901",
            "2e-23",
            "5e-324",
            "1e-400",
            "1.7976931348623157e308",
        ] {
            let number = read(text).unwrap();
            assert_eq!(number, exact_number(text), "{text}");
            let double = number.as_f64().unwrap();
            assert_eq!(double.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
        assert_eq!(exact_number("1e400"), Value::Null);
        assert_eq!(exact_number("-1e400"), Value::Null);
    }

    #[test]
    fn numbers_are_printed_alike_under_every_feature() {
        for (text, printed) in [("1.0", "1.0"), ("1.00", "1.0"), ("1e2", "100.0"), ("7", "7")] {
            assert_eq!(read(text).unwrap().to_string(), printed);
            assert_eq!(read(text).unwrap(), exact_number(printed), "{text}");
        }
    }

    #[test]
    fn values_are_those_of_the_text() {
        let text = r#"{"a":[null,true,"x",{"b":{}}],"c":1,"c":[2]}"#;
        let value = json!({"a": [null, true, "x", {"b": {}}], "c": [2]});
        assert_eq!(read(text).unwrap(), value);
        assert_eq!(exact_value(value.clone()).unwrap(), value);
    }

    #[test]
    fn the_keys_of_serde_json_have_no_meaning() {
        let raw = r#"{"a":{"$serde_json::private::RawValue":"[1]"}}"#;
        let read = read(raw).unwrap();
        assert_eq!(read["a"]["$serde_json::private::RawValue"], "[1]");
    }
}
