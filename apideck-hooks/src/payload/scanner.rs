//! Going through a JSON text from its beginning to its end.

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
        let rest = self.text.get(self.at + 1..)?;
        let string = rest.get(..plain_length(rest.as_bytes())?)?;
        self.at += string.len() + 2;
        Some(string)
    }

    /// A string, or `null`, which is the empty one.
    pub(super) fn text(&mut self) -> Option<Cow<'a, str>> {
        if let Some(string) = self.string() {
            return Some(Cow::Borrowed(string));
        }
        let string: Option<String> = self.value()?;
        Some(Cow::Owned(string.unwrap_or_default()))
    }

    /// Any value, as serde reads it.
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}

/// How long a string is that begins here, if its quote comes before a backslash and before what must be escaped.
#[inline]
fn plain_length(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let (words, _) = text.as_chunks();
    let mut length = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // The highest bit of each byte that is below `byte`, up to the first of them: borrows go upwards.
        let below = |word: u64, byte: u8| word.wrapping_sub(ONES * u64::from(byte)) & !word;
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let marks = (below(word, b' ') | equal(b'"') | equal(b'\\')) & HIGHEST;
        if marks != 0 {
            length += marks.trailing_zeros() as usize / 8;
            return (*text.get(length)? == b'"').then_some(length);
        }
        length += 8;
    }
    let rest = text.get(length..)?;
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    (rest[end] == b'"').then_some(length + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_quote_wherever_that_is() {
        for length in 0..40 {
            for filler in ["x", "\u{7f}", "!", "#", "[", "]"] {
                let string = filler.repeat(length);
                for after in ["", ",", "\"\\\u{1}", "\u{1f}23456789"] {
                    assert_eq!(
                        plain_length(format!("{string}\"{after}").as_bytes()),
                        Some(length)
                    );
                }
                for end in ["", "\\\"", "\u{1f}\"", "\0\"", "\n\""] {
                    assert_eq!(plain_length(format!("{string}{end}").as_bytes()), None, "{end:?}");
                }
            }
            let string = "\u{e9}\u{20ac}\u{1f600}".repeat(length);
            assert_eq!(plain_length(format!("{string}\"").as_bytes()), Some(string.len()));
        }
    }

    /// Every byte, at every place in a word.
    #[test]
    fn every_byte_is_told_apart() {
        for byte in 0..=u8::MAX {
            for at in 0..16 {
                let mut text = [b'x'; 24];
                text[at] = byte;
                text[20] = b'"';
                let expected = match byte {
                    b'"' => Some(at),
                    b'\\' | ..b' ' => None,
                    _ => Some(20),
                };
                assert_eq!(plain_length(&text), expected, "{byte} at {at}");
            }
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
