//! A point in time, kept as Apideck wrote it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// A point in time as Apideck sends it: ISO 8601 in UTC (OpenAPI description 10.34.0).
///
/// The text is kept as received. `Display` and `Serialize` return it unchanged. A text that is not
/// a time does not break the delivery, and [`get`](Timestamp::get) returns `None` for it. A JSON
/// number is kept as its text.
///
/// Two timestamps are equal if their texts are equal. To compare times, compare
/// [`get`](Timestamp::get).
///
/// ```
/// use apideck_hooks::Timestamp;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let at = Timestamp::from("2021-10-01T03:14:55.419Z");
/// assert_eq!(at.get().unwrap(), UNIX_EPOCH + Duration::from_millis(1_633_058_095_419));
/// assert_eq!(at.to_string(), "2021-10-01T03:14:55.419Z");
///
/// let odd = Timestamp::from("yesterday");
/// assert!(odd.get().is_none());
/// assert_eq!(odd.to_string(), "yesterday");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Timestamp(Repr);

/// The text. It is parsed in [`Timestamp::get`], because most handlers do not use the time.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    /// A text of usual length, without an allocation.
    Short {
        length: u8,
        bytes: [u8; SHORT],
    },
    Long(Box<str>),
}

/// Longest text that is kept without an allocation, in bytes. `2021-10-01T03:14:55.419+02:00` has
/// 29.
const SHORT: usize = 30;

impl Timestamp {
    /// Parses the text, anew at each call. A time without an offset is in UTC.
    ///
    /// ISO 8601 in its extended format is accepted, such as `2022-06-28T16:08:11.5Z`. The letters
    /// can be lower case, `T` can be a space, and the seconds or the whole time of day can be
    /// missing. An offset is `+02:00`, `+0200` or `+02`. `24:00` is the end of the day.
    ///
    /// Returns `None` if the text is not a time, or is a time before 1970.
    pub fn get(&self) -> Option<SystemTime> {
        let (date, clock) = self.as_str().split_at_checked("2022-06-28".len())?;
        let (clock, east) = match clock {
            "" => ("00:00", 0),
            _ => split_offset(clock.strip_prefix(['T', 't', ' '])?)?,
        };
        let seconds = if clock.len() == "16:08".len() { ":00" } else { "" };
        let (clock, days) = match clock.strip_prefix("24:") {
            Some(rest) if rest.contains(|digit| matches!(digit, '1'..='9')) => return None,
            Some(rest) => (format!("00:{rest}"), 1),
            // ISO 8601 has a comma or a point before the fraction, and `humantime` only a point.
            None => (clock.replace(',', "."), 0),
        };
        let local = humantime::parse_rfc3339_weak(&format!("{date}T{clock}{seconds}")).ok()?;
        let next_day = local.checked_add(Duration::from_secs(days * 24 * 60 * 60))?;
        let distance = Duration::from_secs(east.unsigned_abs() * 60);
        let at = if east < 0 {
            next_day.checked_add(distance)
        } else {
            next_day.checked_sub(distance)
        };
        at.filter(|at| *at >= UNIX_EPOCH)
    }

    /// Returns the text as received.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Always valid UTF-8, because it was copied from a `str`.
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
        Self(match bytes.get_mut(..text.len()) {
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

/// Writes the time in milliseconds, as Apideck does, and drops finer parts. A time before 1970
/// becomes the start of 1970. A time after 9999 becomes the end of 9999.
impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let last = UNIX_EPOCH + Duration::from_millis(253_402_300_799_999);
        let at = humantime::format_rfc3339_millis(at.clamp(UNIX_EPOCH, last));
        Self::from(at.to_string().as_str())
    }
}

/// Splits a time of day into its local time and its offset in minutes east of UTC.
fn split_offset(clock: &str) -> Option<(&str, i64)> {
    let (local, east) = if let Some(local) = clock.strip_suffix(['Z', 'z']) {
        (local, 0)
    } else if let Some(at) = clock.find(['+', '-']) {
        let (local, offset) = clock.split_at(at);
        let minutes = offset_minutes(&offset.as_bytes()[1..])?;
        (
            local,
            if offset.starts_with('-') {
                -minutes
            } else {
                minutes
            },
        )
    } else {
        (clock, 0)
    };
    // `humantime` would accept a `Z` here.
    local
        .ends_with(|last: char| last.is_ascii_digit())
        .then_some((local, east))
}

/// Returns the minutes of an offset without its sign.
fn offset_minutes(offset: &[u8]) -> Option<i64> {
    let (hours, minutes) = match offset {
        [hours @ .., b':', a, b] if hours.len() == 2 => (hours, [*a, *b]),
        [hours @ .., a, b] if hours.len() == 2 => (hours, [*a, *b]),
        hours if hours.len() == 2 => (hours, *b"00"),
        _ => return None,
    };
    let number = |digits: &[u8]| {
        let number = |sum, digit: &u8| Some(sum * 10 + i64::from(char::from(*digit).to_digit(10)?));
        digits.iter().try_fold(0, number)
    };
    let (hours, minutes) = (number(hours)?, number(&minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
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

/// Deserialises a timestamp from any JSON value. An array, an object and `null` give the empty
/// text.
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
    fn every_text_is_kept() {
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
        assert_eq!(Timestamp::from("2021-10-01T00:44:55.419-02:30").get(), utc);
        for odd in [
            "2021-13-01T03:14:55.419Z",
            "2021-10-01T03:14:55+24:00",
            "2021-10-01T03:14:55++1:00",
            "+00:00",
            "-0:000",
            "2021-10-01T03:14:55Z+02:00",
            "1969-12-31T23:59:59Z",
            "\u{e9}\u{e9}\u{e9}:00",
            "",
            "2021-10-01T03:14:55ZZ",
            "2021-10-01T03:14:55+2",
            "2021-10-01T03:14:55+200",
            "2021-10-01T03:14:55+02:0",
            "2021-10-01T03:14:55+02:60",
            "2021-10-01T03:14:55+\u{e9}",
            "2021-10-01T",
            "2021-10-01Z",
            "2021-10-01T03:14:",
            "2021-10-01T03Z",
            "2021-10-01T24:00:01Z",
            "2021-10-01T24:01Z",
            "2021-10-01T25:00Z",
            "2021-10-01x03:14:55Z",
            "1970-01-01T00:00:00+00:01",
        ] {
            assert_eq!(Timestamp::from(odd).get(), None, "{odd}");
        }
    }

    #[test]
    fn iso_8601_is_read_as_people_write_it() {
        for (text, plain) in [
            ("2022-06-28T16:08:11+0200", "2022-06-28T14:08:11Z"),
            ("2022-06-28T16:08:11+02", "2022-06-28T14:08:11Z"),
            ("2022-06-28T16:08:11-0230", "2022-06-28T18:38:11Z"),
            ("2022-06-28T16:08:11.25-12", "2022-06-29T04:08:11.250Z"),
            ("2022-06-28t16:08:11z", "2022-06-28T16:08:11Z"),
            ("2022-06-28 16:08:11z", "2022-06-28T16:08:11Z"),
            ("2022-06-28T24:00:00Z", "2022-06-29T00:00:00Z"),
            ("2022-12-31T24:00:00.000+01:00", "2022-12-31T23:00:00Z"),
            ("2024-02-28T24:00", "2024-02-29T00:00:00Z"),
            ("2022-06-28T16:08Z", "2022-06-28T16:08:00Z"),
            ("2022-06-28T16:08+05:30", "2022-06-28T10:38:00Z"),
            ("2022-06-28T16:08:11,5Z", "2022-06-28T16:08:11.500Z"),
            (
                "2022-06-28T16:08:11.123456789123Z",
                "2022-06-28T16:08:11.123456789Z",
            ),
            ("2022-06-28", "2022-06-28T00:00:00Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            let at = Timestamp::from(text).get();
            assert_eq!(at, humantime::parse_rfc3339(plain).ok(), "{text}");
            assert!(at.is_some(), "{text}");
        }
    }

    /// Compares with jiff, a larger library.
    #[test]
    fn times_are_read_and_written_as_by_jiff() {
        for milliseconds in (0..253_402_207_200_000_i64).step_by(123_456_789_012) {
            let at = UNIX_EPOCH + Duration::from_millis(milliseconds as u64);
            let text = format!("{:.3}", jiff::Timestamp::from_millisecond(milliseconds).unwrap());
            assert_eq!(Timestamp::from(at).as_str(), text);
            assert_eq!(Timestamp::from(text.as_str()).get(), Some(at));
        }
        let far = Duration::from_secs(1 << 40);
        assert_eq!(
            Timestamp::from(UNIX_EPOCH + far).as_str(),
            "9999-12-31T23:59:59.999Z"
        );
        assert_eq!(
            Timestamp::from(UNIX_EPOCH - far).as_str(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn any_json_is_accepted() {
        for json in ["1", "-1", "1.5", "true", "null", "[1,[2]]", "{\"a\":{}}", "\"x\""] {
            assert!(serde_json::from_str::<Timestamp>(json).is_ok(), "{json}");
        }
    }
}
