//! A checked JSON text, read as JavaScript reads it.
//!
//! # How it works
//!
//! `JSON.parse` accepts bodies that `serde_json` refuses: numbers beyond a double, lone surrogates,
//! and 128 levels. A derived reader refuses a key that comes twice, and a value of another type
//! than its field. `serde_json`'s check of the grammar accepts all of them, and any depth.
//!
//! So the text is checked first, and then split at values (`tokens`). A value is read only when a
//! field asks for it, so values that no field asks for can be anything.
//!
//! A field of a plain type can ask for a value of another type. A text gets a number or a truth
//! value as its text. Otherwise it gets nothing, as from `null`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::vec;

use serde::de::value::{BytesDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::exact_value::exact_number;
use super::string::{contents, decode};
use super::tokens::take;

/// A value of a checked JSON text.
#[derive(Clone, Copy)]
pub(crate) struct CheckedJson<'a> {
    /// The text of the value, without whitespace around it.
    text: &'a str,
    /// The number of levels that may be read, this value's own included.
    levels: usize,
}

/// The members of an object, each key once.
#[derive(Clone, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, CheckedJson<'a>)>);

impl<'a> CheckedJson<'a> {
    /// Checks a text. `None` if it is not JSON.
    ///
    /// Reading it fails at an object or array inside of `levels` other ones.
    pub(crate) fn check(text: &'a str, levels: usize) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        let mut rest = text;
        take(&mut rest).map(|text| Self { text, levels })
    }

    /// Returns the string. `None` for a value of another type.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        Some(decode(contents(self.text)?, false).0)
    }

    /// Returns the members of the object. `None` for a value of another type.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        let mut rest = self.text.strip_prefix('{')?;
        let levels = self.levels.saturating_sub(1);
        let mut members: Vec<(Cow<'a, str>, Self)> = Vec::new();
        let mut places: HashMap<(Cow<'a, str>, bool), usize> = HashMap::new();
        while let Some(key) = take(&mut rest)
            && let Some(text) = take(&mut rest)
        {
            let key = decode(contents(key)?, true);
            let value = Self { text, levels };
            match places.entry(key) {
                // The last of equal keys wins.
                Entry::Occupied(place) => members[*place.get()].1 = value,
                Entry::Vacant(place) => {
                    members.push((place.key().0.clone(), value));
                    place.insert(members.len() - 1);
                }
            }
        }
        for ((key, is_lossy), place) in &places {
            let mut key = key.clone();
            // Another key may look like a key that had lone surrogates.
            while *is_lossy && places.contains_key(&(key.clone(), false)) {
                key += "\u{fffd}";
            }
            members[*place].0 = key;
        }
        Some(Members(members))
    }

    fn first(self) -> u8 {
        self.text.as_bytes().first().copied().unwrap_or_default()
    }

    /// Returns the number. `None` for a value of another type, and `null` beyond a double.
    fn number(self) -> Option<Value> {
        matches!(self.first(), b'-' | b'0'..=b'9').then(|| exact_number(self.text))
    }

    fn is_null(self) -> bool {
        self.first() == b'n' || self.number() == Some(Value::Null)
    }

    fn visit_string<V: Visitor<'a>, E: Error>(self, visitor: V) -> Result<V::Value, E> {
        match self.string().unwrap_or_default() {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn visit_number<V: Visitor<'a>, E: Error>(self, visitor: V) -> Result<V::Value, E> {
        let number = self.number().unwrap_or_default();
        match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => visitor.visit_u64(number),
            (_, Some(number), _) => visitor.visit_i64(number),
            (.., Some(number)) => visitor.visit_f64(number),
            _ => visitor.visit_unit(),
        }
    }
}

impl<'a> Members<'a> {
    /// Returns the value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<CheckedJson<'a>> {
        let member = self.0.iter().find(|(other, _)| other == key);
        member.map(|(_, value)| *value)
    }

    /// Removes the members with these keys.
    pub(crate) fn without(mut self, keys: &[&str]) -> Self {
        self.0.retain(|(key, _)| !keys.contains(&&**key));
        self
    }

    /// Returns the deserializer of the object.
    pub(crate) fn deserializer(self) -> MapAccessDeserializer<MembersLeft<'a>> {
        MapAccessDeserializer::new(self.left())
    }

    fn left(self) -> MembersLeft<'a> {
        MembersLeft {
            members: self.0.into_iter(),
            value: None,
        }
    }
}

impl<'de> Deserializer<'de> for CheckedJson<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.first() {
            b'"' => self.visit_string(visitor),
            b'{' | b'[' if self.levels == 0 => Err(Error::custom("it is nested too deeply")),
            b'{' => visitor.visit_map(self.members().unwrap_or_default().left()),
            b'[' => visitor.visit_seq(ElementsLeft {
                rest: self.text.get(1..).unwrap_or_default(),
                levels: self.levels - 1,
            }),
            b't' => visitor.visit_bool(true),
            b'f' => visitor.visit_bool(false),
            b'n' => visitor.visit_unit(),
            _ => self.visit_number(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.first() {
            b'"' => self.visit_string(visitor),
            b'n' | b'{' | b'[' => visitor.visit_unit(),
            // The digits as they came, because ids can have more of them than a double.
            _ => visitor.visit_borrowed_str(self.text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.first() {
            b't' | b'f' => self.deserialize_any(visitor),
            _ => visitor.visit_unit(),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.visit_number(visitor)
    }

    /// The value is not read, so it can be anything.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The members of an object that were not read yet.
pub(crate) struct MembersLeft<'a> {
    members: vec::IntoIter<(Cow<'a, str>, CheckedJson<'a>)>,
    value: Option<CheckedJson<'a>>,
}

impl<'de> MapAccess<'de> for MembersLeft<'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((key, value)) = self.members.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(BytesDeserializer::new(key.as_bytes())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(Error::custom("a value was asked for before its key")),
        }
    }
}

/// The elements of an array that were not read yet.
struct ElementsLeft<'a> {
    rest: &'a str,
    levels: usize,
}

impl<'de> SeqAccess<'de> for ElementsLeft<'de> {
    type Error = serde_json::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        let levels = self.levels;
        let element = take(&mut self.rest).map(|text| CheckedJson { text, levels });
        element.map(|element| seed.deserialize(element)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::exact_value;

    fn check(text: &str) -> CheckedJson<'_> {
        CheckedJson::check(text, 128).unwrap_or_else(|| panic!("{text} is JSON"))
    }

    fn read(text: &str) -> Value {
        exact_value(check(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_plain_text_is_read_as_by_serde_json() {
        for text in [
            "0",
            " -1.5e3 ",
            "true",
            "false",
            "null",
            "\"\"",
            "{}",
            "[]",
            " [ ] ",
            "[[],{},[{}]]",
            r#"{"a":[1,-2,3.5,"x",null,true,false]}"#,
            " { \"a\" : 1 ,\n\t\"b\":[{\"c\":\"}\"},\"]\"]\r, \"d\":\"x,:\" } ",
            r#"{"a\"":"\"","\\":"\\","b\\\"":["\\\\"]}"#,
            r#"{"":{"":{"":""}}}"#,
            r#""\u00e9\/\b\t\n\f\r\"\\ \ud83d\ude00é😀""#,
        ] {
            let plain = exact_value(&mut serde_json::Deserializer::from_str(text));
            assert_eq!(read(text), plain.unwrap(), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\"}",
            "nul",
            "01",
            "1 2",
            "\"",
            "\u{feff}{}",
            "NaN",
            "{a:1}",
            "\"\n\"",
        ] {
            assert!(CheckedJson::check(text, 128).is_none(), "{text}");
        }
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        let text = r#"{"b":1,"a":2,"\u0062":[{"c":1,"c":2}]}"#;
        assert_eq!(read(text), serde_json::json!({"a": 2, "b": [{"c": 2}]}));
    }

    #[test]
    fn a_number_beyond_a_double_is_null() {
        assert_eq!(read("[1e400,{\"a\":-1e999}]").to_string(), r#"[null,{"a":null}]"#);
        let largest = format!("{}9", "9".repeat(308));
        assert_eq!(read(&largest), Value::Null);
    }

    #[test]
    fn a_lone_surrogate_in_a_value_is_replaced() {
        for (text, value) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00\ud83d\ud83d\ude00""#, "\u{fffd}\u{fffd}😀"),
            (r#""\\\ud83d\\ud83d""#, "\\\u{fffd}\\ud83d"),
            (r#""\ud83d\n\ude00é""#, "\u{fffd}\n\u{fffd}é"),
        ] {
            assert_eq!(read(text), value, "{text}");
        }
    }

    #[test]
    fn keys_with_different_lone_surrogates_stay_different() {
        for (text, keys) in [
            (
                r#"{"\ud83d":1,"\uD83E":2,"\uD83D":3}"#,
                vec!["\u{fffd}d83d", "\u{fffd}d83e"],
            ),
            (
                r#"{"a\udc00":1,"a\ufffddc00":2,"a":3}"#,
                vec!["a", "a\u{fffd}dc00", "a\u{fffd}dc00\u{fffd}"],
            ),
            (
                r#"{"\ufffdd83d\ud83d":1,"\ud83d\ufffdd83d":2}"#,
                vec!["\u{fffd}d83d\u{fffd}fffdd83d", "\u{fffd}fffdd83d\u{fffd}d83d"],
            ),
        ] {
            let value = read(text);
            let mut found: Vec<_> = value.as_object().unwrap().keys().collect();
            found.sort();
            assert_eq!(found, keys, "{text}");
        }
        assert_eq!(read(r#"{"\ud83d":1,"\uD83D":3}"#)["\u{fffd}d83d"], 3);
    }

    #[test]
    fn the_depth_is_limited_where_it_is_read() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(exact_value(check(&nested(128))).is_ok());
        assert!(exact_value(check(&nested(129))).is_err());
        assert!(exact_value(check(&nested(100_000))).is_err());
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(exact_value(check(&nested(128))).is_ok());
        assert!(exact_value(check(&nested(129))).is_err());
    }

    #[test]
    fn many_members_take_linear_time() {
        let member = |n: usize| format!("\"k{}\":{n}", n % 50_000);
        let text = format!("{{{}}}", (0..100_000).map(member).collect::<Vec<_>>().join(","));
        let value = read(&text);
        assert_eq!(value.as_object().unwrap().len(), 50_000);
        assert_eq!(value["k7"], 50_007);
    }

    #[test]
    fn the_keys_of_serde_json_have_no_meaning() {
        for key in ["Number", "RawValue"] {
            let text = format!("{{\"a\":{{\"$serde_json::private::{key}\":\"1\"}}}}");
            assert!(read(&text)["a"].is_object());
        }
    }
}
