//! Deserialising fields that can be missing, `null` or of another type, without refusing the event.
//!
//! Each function asks for the type of its field. A deserializer that can, such as `CheckedJson`,
//! gives nothing for a value of another type, and any other one refuses it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::json::exact_value;

/// Deserialises a text. `null` gives the empty text.
pub(super) fn cow<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    deserializer.deserialize_option(OptionalText)
}

/// Deserialises a type that is made of a text. `null` is made of the empty text.
pub(super) fn text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'a> From<&'a str>,
    D: Deserializer<'de>,
{
    cow(deserializer).map(|text| T::from(&text))
}

/// Deserialises an optional type that is made of a text. `null` and the empty text give `None`.
pub(super) fn optional_text<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: for<'a> From<&'a str>,
    D: Deserializer<'de>,
{
    cow(deserializer).map(|text| (!text.is_empty()).then(|| T::from(&text)))
}

struct OptionalText;

impl<'de> Visitor<'de> for OptionalText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

/// Deserialises a truth value. `null` gives `None`.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    deserializer.deserialize_option(FlagVisitor)
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a truth value")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<bool>, D::Error> {
        deserializer.deserialize_bool(self)
    }

    fn visit_none<E: Error>(self) -> Result<Option<bool>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<bool>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Option<bool>, E> {
        Ok(Some(flag))
    }
}

/// Deserialises a count. `null` and a number that is not a `u32` give `None`. `1.0` and `1e3` are
/// whole numbers.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    deserializer.deserialize_option(CountVisitor)
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u32>, D::Error> {
        deserializer.deserialize_u32(self)
    }

    fn visit_none<E: Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<u32>, E> {
        Ok(number.try_into().ok())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<u32>, E> {
        Ok(number.try_into().ok())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<u32>, E> {
        let is_count = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        Ok(is_count.then_some(number as u32))
    }
}

/// Deserialises the members of an object. A value of another type gives `None`.
pub(super) fn members<'de, D>(deserializer: D) -> Result<Option<Map<String, Value>>, D::Error>
where
    D: Deserializer<'de>,
{
    exact_value(deserializer).map(|value| match value {
        Value::Object(members) => Some(members),
        _ => None,
    })
}

/// Deserialises an object. `null` and an empty array give the default, because PHP writes an empty
/// object as `[]`.
///
/// serde's derived code also reads a struct from an array. Apideck sends no such arrays, so they
/// are errors here. The code moves each struct several times, so a large one is boxed at once.
pub(super) fn object<'de, T, P, D>(deserializer: D) -> Result<P, D::Error>
where
    T: Deserialize<'de> + Default,
    P: From<T>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T, P>(PhantomData<(T, P)>);

impl<'de, T: Deserialize<'de> + Default, P: From<T>> Visitor<'de> for ObjectVisitor<T, P> {
    type Value = P;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<P, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(P::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<P, A::Error> {
        match elements.next_element::<IgnoredAny>()? {
            None => Ok(T::default().into()),
            Some(_) => Err(A::Error::custom("invalid type: sequence, expected an object")),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<P, E> {
        Ok(T::default().into())
    }
}

/// Tells if a text is empty, so that serialising leaves it out.
pub(super) fn is_empty(text: &impl AsRef<str>) -> bool {
    text.as_ref().is_empty()
}
