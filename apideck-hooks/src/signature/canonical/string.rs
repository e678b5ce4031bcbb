//! Strings: found fast, escaped as JavaScript escapes them, compared as it compares them.

use super::{
    error::{NotCanonicalKind, Stop},
    sorter::Sorter,
};
use crate::json::run_end;

impl Sorter<'_> {
    /// Reads the string whose opening quote is at `at`.
    #[inline]
    pub(super) fn string(&mut self, at: usize) -> Result<usize, Stop> {
        let end = run_end(self.source, at + 1);
        if self.byte(end) == Some(b'"') {
            Ok(end + 1)
        } else {
            self.escaped_string(end)
        }
    }

    /// Goes on in a string from its first byte that is not plain.
    #[inline(never)]
    pub(super) fn escaped_string(&mut self, mut at: usize) -> Result<usize, Stop> {
        loop {
            match self.byte(at) {
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => at = self.escape(at)?,
                _ => return Err(self.unexpected(at)),
            }
            at = run_end(self.source, at);
        }
    }

    /// Reads the escape at `start` and puts it as JavaScript prints it.
    fn escape(&mut self, start: usize) -> Result<usize, Stop> {
        let (first, mut end) = unit(self.source, start).ok_or_else(|| self.bad_escape(start))?;
        let mut code = u32::from(first);
        // A high surrogate and the low one right after it are one character.
        if let 0xD800..0xDC00 = first
            && self.source.get(end) == Some(&b'\\')
            && let Some((low @ 0xDC00..0xE000, after)) = unit(self.source, end)
        {
            code = 0x10000 + ((code - 0xD800) << 10) + (u32::from(low) - 0xDC00);
            end = after;
        }
        let mut buffer = [0; 6];
        let printed = print(code, &mut buffer);
        if printed != &self.source[start..end] {
            self.rewritten.escapes = true;
            self.plain.replace(start, end, printed);
        }
        Ok(end)
    }

    #[cold]
    fn bad_escape(&mut self, at: usize) -> Stop {
        // The longest escape has six bytes. One that the end of the body cuts is not wrong, only unfinished.
        let rest = &self.source[at..];
        let unfinished = rest.len() < 6
            && match rest {
                [_] => true,
                [_, b'u', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
                _ => false,
            };
        if unfinished {
            self.stop(NotCanonicalKind::End, self.source.len())
        } else {
            self.stop(NotCanonicalKind::Syntax, at)
        }
    }
}

/// The UTF-16 code unit of the escape whose backslash is at `at`, and where the escape ends.
fn unit(source: &[u8], at: usize) -> Option<(u16, usize)> {
    let unit = match source.get(at + 1)? {
        b'u' => {
            let digits = source.get(at + 2..at + 6)?;
            let mut unit = 0;
            for &digit in digits {
                unit = unit << 4 | char::from(digit).to_digit(16)? as u16;
            }
            return Some((unit, at + 6));
        }
        b'b' => 0x08,
        b't' => 0x09,
        b'n' => 0x0A,
        b'f' => 0x0C,
        b'r' => 0x0D,
        same @ (b'"' | b'\\' | b'/') => u16::from(*same),
        _ => return None,
    };
    Some((unit, at + 2))
}

/// The code point as `JSON.stringify` prints it: a lone surrogate and a control character stay escapes.
fn print(code: u32, buffer: &mut [u8; 6]) -> &[u8] {
    match code {
        0x08 => b"\\b",
        0x09 => b"\\t",
        0x0A => b"\\n",
        0x0C => b"\\f",
        0x0D => b"\\r",
        0x22 => b"\\\"",
        0x5C => b"\\\\",
        _ => match char::from_u32(code) {
            Some(char) if code >= 0x20 => char.encode_utf8(buffer).as_bytes(),
            _ => {
                let digit = |shift: u32| b"0123456789abcdef"[(code >> shift & 0xF) as usize];
                *buffer = [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)];
                buffer
            }
        },
    }
}

/// Appends the string between the quotes `source` was taken from, decoded, as one character of up to three bytes
/// for each UTF-16 code unit (CESU-8). Bytes of this form compare as JavaScript compares strings.
///
/// The string has been read already, so every escape in it is good.
pub(super) fn decode(source: &[u8], units: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        if byte == b'\\' {
            let Some((unit, end)) = unit(source, at) else {
                return;
            };
            push_unit(unit, units);
            at = end;
        } else if byte >= 0xF0 {
            // Four bytes are one character beyond U+FFFF: two code units.
            let end = source.len().min(at + 4);
            let char = str::from_utf8(&source[at..end])
                .ok()
                .and_then(|text| text.chars().next());
            for unit in char.unwrap_or_default().encode_utf16(&mut [0; 2]) {
                push_unit(*unit, units);
            }
            at = end;
        } else {
            units.push(byte);
            at += 1;
        }
    }
}

fn push_unit(unit: u16, units: &mut Vec<u8>) {
    let low = |shift: u32| 0x80 | (unit >> shift & 0x3F) as u8;
    match unit {
        0..0x80 => units.push(unit as u8),
        0x80..0x800 => units.extend([0xC0 | (unit >> 6) as u8, low(0)]),
        _ => units.extend([0xE0 | (unit >> 12) as u8, low(6), low(0)]),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;
    use crate::signature::canonical::{Sorting, canonical};

    fn printed(string: &str) -> String {
        let text = canonical(string.as_bytes(), Sorting::OutsideArrays)
            .unwrap()
            .into_text(string.as_bytes());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn strings_print_as_in_javascript() {
        for (read, print) in [
            (r#""""#, r#""""#),
            (r#""plain""#, r#""plain""#),
            (r#""\u00e9\u00E9""#, r#""éé""#),
            (r#""a\/b""#, r#""a/b""#),
            (r#""\u002f\u0022\u005C""#, r#""/\"\\""#),
            (r#""\b\t\n\f\r\"\\""#, r#""\b\t\n\f\r\"\\""#),
            (r#""\u0008\u0009\u000a\u000C\u000d""#, r#""\b\t\n\f\r""#),
            (r#""\u0000\u001F\u000b""#, r#""\u0000\u001f\u000b""#),
            (r#""\u007f""#, "\"\u{7f}\""),
            (r#""\u2028\u2029""#, "\"\u{2028}\u{2029}\""),
            (r#""\ud83d\ude00""#, "\"😀\""),
            (r#""\uD83D""#, r#""\ud83d""#),
            (r#""\uDE00\uD83D""#, r#""\ude00\ud83d""#),
            (r#""\uD83D\uD83D\uDE00""#, "\"\\ud83d😀\""),
            (r#""\uD83D\n\uDE00""#, r#""\ud83d\n\ude00""#),
            (r#""\uD83Dx""#, r#""\ud83dx""#),
            ("\"\u{fffe}é\u{10ffff}\"", "\"\u{fffe}é\u{10ffff}\""),
        ] {
            assert_eq!(printed(read), print, "{read}");
        }
    }

    #[test]
    fn bad_strings_are_refused() {
        for text in [
            "\"a\nb\"",
            "\"a\tb\"",
            "\"\u{0}\"",
            "\"\u{1f}\"",
            r#""\a""#,
            r#""\x41""#,
            r#""\u12g4""#,
            r#""\u+123""#,
            r#""\U0041""#,
            "'a'",
            r#""\'""#,
        ] {
            let error = canonical(text.as_bytes(), Sorting::OutsideArrays).unwrap_err();
            assert!(!error.is_truncated(), "{text}");
        }
        for text in [
            r#"""#,
            r#""a"#,
            r#""\"#,
            r#""\u"#,
            r#""\u00"#,
            r#""\u00e"#,
            r#""\ud83d\"#,
            r#""\ud83d\ud"#,
        ] {
            let error = canonical(text.as_bytes(), Sorting::OutsideArrays).unwrap_err();
            assert!(error.is_truncated(), "{text}");
        }
    }

    #[test]
    fn decoded_strings_compare_as_utf_16() {
        let strings = [
            "",
            "\\u0000",
            "a",
            "a\\u0000",
            "aa",
            "é",
            "\\u00e9a",
            "\u{d7ff}",
            "\\ud800",
            "\\ud800\\udc00",
            "\u{10000}a",
            "\\ud800\u{e000}",
            "\\udbff",
            "\u{10ffff}",
            "\\udc00",
            "\u{e000}",
            "\u{ffff}",
        ];
        let decoded = strings.map(|string| {
            let mut units = Vec::new();
            decode(string.as_bytes(), &mut units);
            units
        });
        assert!(decoded.is_sorted(), "{decoded:x?}");
    }
}
