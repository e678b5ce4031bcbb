//! The fields of a payload that this release reads, in the order in which they are listed.
//!
//! They come from the lists that are read. serde's derived code passes the names of a struct's
//! fields to its deserializer, so a deserializer that reads nothing can tell them.

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use crate::event::Family;
use crate::payload::connection::Connection;
use crate::payload::fields::Wire;

/// The field of an event of Vault that holds its connection.
pub(crate) const ENTITY: &str = "entity";

/// Returns the fields of the payload, and those of its `entity`.
pub(crate) fn known_fields(family: Family) -> (Vec<&'static str>, &'static [&'static str]) {
    let (others, entity) = match family {
        Family::Connection => (Wire::OF_RESOURCES, fields_of::<Connection>()),
        Family::Resource => (Wire::OF_CONNECTIONS, &[][..]),
    };
    let fields = fields_of::<Wire<'static>>().iter();
    let own = fields.filter(|field| !others.contains(field));
    (own.copied().collect(), entity)
}

fn fields_of<T: Deserialize<'static>>() -> &'static [&'static str] {
    let mut names: &[&str] = &[];
    // It always fails, after the names were told.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("it reads nothing"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("it reads nothing"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_payload_types() {
        let (fields, entity) = known_fields(Family::Connection);
        assert!(fields.contains(&"entity") && !fields.contains(&"entity_url"));
        assert!(entity.contains(&"consumer_id") && entity.contains(&"settings"));
        let (fields, entity) = known_fields(Family::Resource);
        assert!(fields.contains(&"consumer_id") && !fields.contains(&"entity"));
        assert!(entity.is_empty());
    }
}
