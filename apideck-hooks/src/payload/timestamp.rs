//! A point in time as Apideck wrote it.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

/// A point in time as Apideck sends it: ISO 8601 in UTC.
///
/// What cannot be read as a time does not break the delivery: [`get`](Timestamp::get) is none then, and the text
/// is kept. Displaying and serialising give back the text that came, and two are equal if their texts are: compare
/// [`get`](Timestamp::get) for the time. What came as a number, as no documented field does, is kept as its text.
///
/// ```
/// use apideck_hooks::Timestamp;
///
/// let at = Timestamp::from("2021-10-01T03:14:55.419Z");
/// assert_eq!(at.get().unwrap().as_millisecond(), 1_633_058_095_419);
/// assert_eq!(at.to_string(), "2021-10-01T03:14:55.419Z");
///
/// let odd = Timestamp::from("yesterday");
/// assert!(odd.get().is_none());
/// assert_eq!(odd.to_string(), "yesterday");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Timestamp(Repr);

/// The text. Most handlers look at no time, so it is read as one when it is asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    /// Of any ordinary form: it costs no allocation.
    Short {
        length: u8,
        bytes: [u8; SHORT],
    },
    Long(Box<str>),
}

/// `2021-10-01T03:14:55.419+02:00` is 29.
const SHORT: usize = 30;

impl Timestamp {
    /// The time, if the text is one. A time without an offset is UTC. Read anew at each call.
    pub fn get(&self) -> Option<jiff::Timestamp> {
        let text = self.as_str();
        text.parse().ok().or_else(|| {
            let local = text.parse::<jiff::civil::DateTime>().ok()?;
            jiff::tz::Offset::UTC.to_timestamp(local).ok()
        })
    }

    /// The text as it came.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was made from a text.
            Repr::Short { length, bytes } => {
                std::str::from_utf8(&bytes[..usize::from(*length)]).unwrap_or_default()
            }
            Repr::Long(text) => text,
        }
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        Timestamp(match bytes.get_mut(..text.len()) {
            Some(short) => {
                short.copy_from_slice(text.as_bytes());
                Repr::Short {
                    length: text.len() as u8,
                    bytes,
                }
            }
            None => Repr::Long(text.into()),
        })
    }
}

/// In milliseconds, as Apideck writes them: what is finer is cut.
impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Timestamp::from(format!("{at:.3}").as_str())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

/// Takes whatever stands there.
struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        Ok(text.into())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Timestamp, E> {
        Ok(value.to_string().as_str().into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Timestamp, E> {
        Ok(value.to_string().as_str().into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Timestamp, E> {
        Ok(value.to_string().as_str().into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Timestamp, E> {
        Ok(value.to_string().as_str().into())
    }

    fn visit_unit<E: Error>(self) -> Result<Timestamp, E> {
        Ok("".into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Timestamp, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok("".into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Timestamp, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok("".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_back_whatever_it_was() {
        for text in [
            "2021-10-01T03:14:55.419Z",
            "2021-10-01T03:14:55Z",
            "2021-10-01T03:14:55.419000Z",
            "2021-10-01T05:14:55.419+02:00",
            "2016-12-31T23:59:60.000Z",
            "2021-10-01 03:14:55",
            "2021-13-01T03:14:55.419Z",
            "0000-00-00T00:00:00.000Z",
            "",
            "soon",
        ] {
            assert_eq!(Timestamp::from(text).to_string(), text);
        }
    }

    #[test]
    fn a_text_of_any_length_is_kept() {
        for length in [SHORT - 1, SHORT, SHORT + 1, 1000] {
            let text = "\u{e9}".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(Timestamp::from(text.as_str()).as_str(), text);
        }
        assert!(matches!(
            Timestamp::from("2021-10-01T03:14:55.419+02:00").0,
            Repr::Short { .. }
        ));
    }

    #[test]
    fn offsets_and_their_absence_are_read() {
        let utc = Timestamp::from("2021-10-01T03:14:55.419Z").get();
        assert!(utc.is_some());
        assert_eq!(Timestamp::from("2021-10-01T05:14:55.419+02:00").get(), utc);
        assert_eq!(Timestamp::from("2021-10-01T03:14:55.419").get(), utc);
        assert_eq!(Timestamp::from("2021-13-01T03:14:55.419Z").get(), None);
    }

    #[test]
    fn any_json_is_accepted() {
        for json in ["1", "-1", "1.5", "true", "null", "[1,[2]]", "{\"a\":{}}", "\"x\""] {
            assert!(serde_json::from_str::<Timestamp>(json).is_ok(), "{json}");
        }
    }
}
