//! Deserialising fields that can be missing, `null` or malformed, without refusing the whole event.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Number;

/// Deserialises a text. `null` gives the default.
pub(super) fn text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'a> From<&'a str> + Default,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(NullableText(PhantomData))
}

struct NullableText<T>(PhantomData<T>);

impl<'de, T: for<'a> From<&'a str> + Default> Visitor<'de> for NullableText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(text.into())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

/// Deserialises an object. `null` gives the default.
///
/// serde's derived code also reads a struct from an array. Apideck sends no such arrays, so they
/// are errors here.
pub(super) fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

/// Deserialises a count. A number that is not a `u32` gives `None`.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(deserializer).map(whole)
}

/// Returns the number if it is a `u32`. `1.0` and `1e3` count as whole numbers.
pub(super) fn whole(number: Option<Number>) -> Option<u32> {
    let whole = number?.as_f64().filter(|value| value.fract() == 0.0);
    whole
        .filter(|value| (0.0..=f64::from(u32::MAX)).contains(value))
        .map(|value| value as u32)
}

/// Tells if a text is empty, so that serialising leaves it out.
pub(super) fn is_empty(text: &impl AsRef<str>) -> bool {
    text.as_ref().is_empty()
}
