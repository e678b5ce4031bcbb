//! Reading what may be missing, `null` or odd without refusing the whole event.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Number;
use std::fmt;
use std::marker::PhantomData;

/// A text; `null` is the default.
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

/// An object; `null` is the default. serde reads a struct from an array too, which is nothing that Apideck sends.
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

/// A count; what is no whole number of `u32` is none.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(deserializer).map(whole)
}

/// The number, if it is a whole one of `u32`.
pub(super) fn whole(number: Option<Number>) -> Option<u32> {
    let whole = number?.as_f64().filter(|value| value.fract() == 0.0);
    whole
        .filter(|value| (0.0..=f64::from(u32::MAX)).contains(value))
        .map(|value| value as u32)
}

/// Whether a text was missing, for leaving it out again.
pub(super) fn is_empty(text: &impl AsRef<str>) -> bool {
    text.as_ref().is_empty()
}
