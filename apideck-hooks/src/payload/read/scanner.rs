//! Going through a JSON text from its beginning to its end.

use crate::json::run_end;
use serde::Deserialize;
use serde_json::Deserializer;
use std::borrow::Cow;

/// Where in the text we are. Objects and plain strings it reads itself, all else serde does; and it may read less than serde:
/// every step is none for what it does not take, whether that is JSON or not.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// What comes next, behind whitespace.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match *bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Goes past this byte.
    #[inline]
    fn pass(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Goes to the end of the text, if nothing is left of it.
    pub(super) fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }

    /// An object: `field` is told each key, and reads its value. No key may have an escape.
    #[inline]
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.pass(b'{')?;
        if self.next()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.pass(b':')?;
            field(self, key)?;
            let end = self.next()?;
            self.at += 1;
            match end {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A string, if there is one and nothing in it is escaped.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        if self.next()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let end = run_end(self.text.as_bytes(), start);
        if *self.text.as_bytes().get(end)? != b'"' {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// A string, or `null`, which is the empty one.
    pub(super) fn text(&mut self) -> Option<Cow<'a, str>> {
        if let Some(string) = self.string() {
            return Some(Cow::Borrowed(string));
        }
        let string: Option<String> = self.value()?;
        Some(Cow::Owned(string.unwrap_or_default()))
    }

    /// `true` or `false`, if it begins so.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.next()?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let flag = rest.starts_with(b"true");
        if !flag && !rest.starts_with(b"false") {
            return None;
        }
        self.at += if flag { 4 } else { 5 };
        Some(flag)
    }

    /// A whole number of a few digits, if there is one.
    pub(super) fn count(&mut self) -> Option<u32> {
        const MOST: usize = 9;
        self.next()?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let digits = rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .take(MOST + 1)
            .count();
        let (digits, after) = rest.split_at_checked(digits)?;
        let is_more = matches!(after, [b'.' | b'e' | b'E', ..]) || matches!(digits, [b'0', _, ..]);
        if digits.is_empty() || digits.len() > MOST || is_more {
            return None;
        }
        self.at += digits.len();
        Some(
            digits
                .iter()
                .fold(0, |count, digit| 10 * count + u32::from(digit - b'0')),
        )
    }

    /// Any value, as serde reads it.
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_if_nothing_in_it_is_escaped() {
        for length in 0..40 {
            let string = "\u{e9}x]".repeat(length);
            for after in ["", ",", " \"\\\u{1}"] {
                let text = format!(" \"{string}\"{after}");
                let mut scanner = Scanner::new(&text);
                assert_eq!(scanner.string(), Some(&*string));
                assert_eq!(&text[scanner.at..], after);
            }
            for end in ["", "\\\"", "\\n\"", "\u{1f}\"", "\n\""] {
                let text = format!("\"{string}{end}");
                let mut scanner = Scanner::new(&text);
                assert_eq!((scanner.string(), scanner.at), (None, 0), "{text}");
            }
        }
    }

    #[test]
    fn a_flag_is_read_to_its_end() {
        for (text, flag, left) in [
            (" true}", Some(true), "}"),
            ("false", Some(false), ""),
            ("truer", Some(true), "r"),
            ("tru", None, "tru"),
            ("null", None, "null"),
            ("", None, ""),
        ] {
            let mut scanner = Scanner::new(text);
            assert_eq!((scanner.flag(), &text[scanner.at..]), (flag, left), "{text}");
        }
    }

    #[test]
    fn a_count_is_read_if_it_is_whole_and_short() {
        for (text, count, left) in [
            (" 7 ,", Some(7), " ,"),
            ("0}", Some(0), "}"),
            ("10", Some(10), ""),
            ("999999999]", Some(999_999_999), "]"),
            ("1000000000", None, "1000000000"),
            ("00", None, "00"),
            ("07", None, "07"),
            ("-1", None, "-1"),
            ("1.0", None, "1.0"),
            ("1e2", None, "1e2"),
            ("1E2", None, "1E2"),
            ("null", None, "null"),
            ("", None, ""),
        ] {
            let mut scanner = Scanner::new(text);
            assert_eq!((scanner.count(), &text[scanner.at..]), (count, left), "{text}");
        }
    }

    #[test]
    fn values_are_passed_to_their_end() {
        let mut read = Vec::new();
        let mut scanner = Scanner::new(
            " { \"a\" : 1 , \"b\":[{\"c\":\"}\"}],\"d\":null,\"e\":\"x\\ny\" ,\"f\":-1.5e3}\r\n\t ",
        );
        let done = scanner.object(|scanner, key| {
            let value: serde_json::Value = scanner.value()?;
            read.push(format!("{key}={value}"));
            Some(())
        });
        assert_eq!(done.and_then(|()| scanner.end()), Some(()));
        assert_eq!(
            read,
            ["a=1", "b=[{\"c\":\"}\"}]", "d=null", "e=\"x\\ny\"", "f=-1500.0"]
        );
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in [
            "",
            "{",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":1,}",
            "{,}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1]",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":nul}",
            "{\"a\":1}1",
            "[]",
            "{\"\\u0061\":1}",
        ] {
            let mut scanner = Scanner::new(text);
            let object = scanner.object(|scanner, _| scanner.value::<serde_json::Value>().map(drop));
            assert_eq!(object.and_then(|()| scanner.end()), None, "{text}");
        }
    }
}
