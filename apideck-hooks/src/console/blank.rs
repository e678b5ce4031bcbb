//! Blanking of credentials inside a kept body.
//!
//! # How it works
//!
//! The body is not printed again, because its text is what was verified. Values are replaced at
//! their bytes, and all other bytes stay. In a text that is known to be JSON, a string before a
//! colon is a key, and brackets outside of strings tell the depth. So one pass over the bytes finds
//! every value below a key, at any depth, also if the key comes twice or is written with escapes.
//!
//! `null` stays, because it shows an operator that a setting is missing.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::json::run_end;

/// The keys whose values can hold credentials of end users (Apideck's reference: `settings` and
/// `metadata` are free-form).
const KEYS: [&str; 2] = ["settings", "metadata"];
/// The text of a blanked value. A string, so that the body is still JSON.
pub(super) const BLANK: &str = "\"[hidden]\"";

/// Replaces each value below `settings` and `metadata`. `None` if the body is not JSON.
pub(super) fn blanked(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut scan = Scan {
        text,
        at: 0,
        depth: 0,
        hidden: Hidden::No,
        copied: 0,
        out: String::with_capacity(text.len()),
    };
    while scan.step() {}
    scan.out.push_str(&text[scan.copied..]);
    Some(scan.out)
}

/// The reach of the last key that hides its value.
#[derive(Clone, Copy, PartialEq)]
enum Hidden {
    No,
    /// The next value, because its key was just read.
    Next,
    /// All values until the depth is this one again.
    Above(usize),
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    hidden: Hidden,
    /// End of the part of the text that is in `out`.
    copied: usize,
    out: String,
}

impl Scan<'_> {
    /// Reads the next token. Returns `false` at the end.
    fn step(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let Some(byte) = bytes.get(self.at) else {
            return false;
        };
        match byte {
            b'{' | b'[' => {
                if self.hidden == Hidden::Next {
                    self.hidden = Hidden::Above(self.depth);
                }
                self.depth += 1;
                self.at += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.hidden == Hidden::Above(self.depth) {
                    self.hidden = Hidden::No;
                }
                self.at += 1;
            }
            b'"' => {
                let end = string_end(bytes, self.at);
                match colon(bytes, end) {
                    Some(after) => self.key(end, after),
                    None => self.value(end),
                }
            }
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => self.at += 1,
            _ => {
                let rest = &bytes[self.at..];
                let is_end = |byte: &u8| b" \n\r\t,:]}".contains(byte);
                let length = rest.iter().position(is_end).unwrap_or(rest.len());
                self.value(self.at + length.max(1));
            }
        }
        true
    }

    fn key(&mut self, end: usize, after: usize) {
        if self.hidden == Hidden::No && is_hiding(&self.text[self.at..end]) {
            self.hidden = Hidden::Next;
        }
        self.at = after;
    }

    /// Reads a value that is neither an object nor an array.
    fn value(&mut self, end: usize) {
        if self.hidden != Hidden::No && &self.text[self.at..end] != "null" {
            self.out.push_str(&self.text[self.copied..self.at]);
            self.out.push_str(BLANK);
            self.copied = end;
        }
        if self.hidden == Hidden::Next {
            self.hidden = Hidden::No;
        }
        self.at = end;
    }
}

/// Tells if a key, with its quotes, hides its value.
fn is_hiding(key: &str) -> bool {
    // A key with a lone surrogate is not read, and is none of these.
    let key = serde_json::from_str::<Cow<'_, str>>(key);
    key.is_ok_and(|key| KEYS.iter().any(|hiding| key.eq_ignore_ascii_case(hiding)))
}

/// Returns the position after the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = run_end(text, start + 1);
    while text.get(at) == Some(&b'\\') {
        at = run_end(text, at + 2);
    }
    (at + 1).min(text.len())
}

/// Returns the position after the colon, if one is next.
fn colon(text: &[u8], at: usize) -> Option<usize> {
    let space = text[at..].iter().take_while(|byte| b" \n\r\t".contains(byte));
    let at = at + space.count();
    (text.get(at) == Some(&b':')).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Bodies, and the same without their credentials.
    const CASES: &[(&str, &str)] = &[
        (
            r#"{"a" : 1.0e2,"settings":{"key":"s"} }"#,
            r#"{"a" : 1.0e2,"settings":{"key":"[hidden]"} }"#,
        ),
        (
            r#"{"settings":"s","b":"s"}"#,
            r#"{"settings":"[hidden]","b":"s"}"#,
        ),
        (r#"{"settings" : -1.5e3}"#, r#"{"settings" : "[hidden]"}"#),
        (
            r#"{"settings":true,"metadata":false}"#,
            r#"{"settings":"[hidden]","metadata":"[hidden]"}"#,
        ),
        (r#"{"settings":null,"b":1}"#, r#"{"settings":null,"b":1}"#),
        (r#"{"settings":{},"b":1}"#, r#"{"settings":{},"b":1}"#),
        (r#"{"settings":[],"b":1}"#, r#"{"settings":[],"b":1}"#),
        (
            r#"{"settings":[1,{"a":["x",null]},[[2]]],"b":[3]}"#,
            r#"{"settings":["[hidden]",{"a":["[hidden]",null]},[["[hidden]"]]],"b":[3]}"#,
        ),
        (
            r#"{"settings":{"metadata":{"a":1},"b":2},"c":3}"#,
            r#"{"settings":{"metadata":{"a":"[hidden]"},"b":"[hidden]"},"c":3}"#,
        ),
        (
            r#"{"settings":"a","settings":{"b":"c"}}"#,
            r#"{"settings":"[hidden]","settings":{"b":"[hidden]"}}"#,
        ),
        (
            r#"{"sett\u0069ngs":"s","\u006detadata":["s"]}"#,
            r#"{"sett\u0069ngs":"[hidden]","\u006detadata":["[hidden]"]}"#,
        ),
        (r#"{"Settings":"s"}"#, r#"{"Settings":"[hidden]"}"#),
        (
            r#"["settings","metadata",{"a":"settings"},1]"#,
            r#"["settings","metadata",{"a":"settings"},1]"#,
        ),
        (
            r#"{"settings\ud800":"s","settings2":"s"}"#,
            r#"{"settings\ud800":"s","settings2":"s"}"#,
        ),
        (
            r#"{"settings":"a\"},\\","b":"\\\""}"#,
            r#"{"settings":"[hidden]","b":"\\\""}"#,
        ),
        (
            r#"{"settings":{"}]":"{[","\"":"\ud800"},"é":"é"}"#,
            r#"{"settings":{"}]":"[hidden]","\"":"[hidden]"},"é":"é"}"#,
        ),
        (
            "\t{\n\"settings\"\r\n:\n[\n1\n]\n}\n",
            "\t{\n\"settings\"\r\n:\n[\n\"[hidden]\"\n]\n}\n",
        ),
        (r#""settings""#, r#""settings""#),
        ("1", "1"),
    ];

    fn of(body: &str) -> String {
        blanked(body.as_bytes()).unwrap_or_else(|| panic!("not JSON: {body}"))
    }

    #[test]
    fn only_the_values_change() {
        for (body, expected) in CASES {
            assert_eq!(of(body), *expected, "{body}");
        }
    }

    #[test]
    fn another_text_is_not_read() {
        for body in [
            &b""[..],
            b"{",
            b"{\"settings\":\"s\"",
            b"{\"settings\":\"s\"}x",
            b"{'settings':'s'}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"settings\":\"\n\"}",
            b"{\"settings\":NaN}",
            b"api_key=secret",
        ] {
            assert_eq!(blanked(body), None, "{body:?}");
        }
    }

    #[test]
    fn any_depth_is_read() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(100_000), "]".repeat(100_000));
        let body = format!(r#"{{"settings":{},"b":"x"}}"#, deep("\"s\""));
        assert_eq!(of(&body), format!(r#"{{"settings":{},"b":"x"}}"#, deep(BLANK)));
    }

    /// Values of any shape. Each string begins with a mark that tells it from a blank.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z\"\\\\{}:,\u{e9}]{0,4}".prop_map(|text| Value::from(format!("~{text}"))),
        ];
        let key = prop_oneof!["settings", "metadata", "[a-z\"\\\\]{0,3}"];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(key.clone(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Blanks a value in the slow and obvious way.
    fn expected(value: Value, hidden: bool) -> Value {
        match value {
            Value::Object(members) => {
                let member = |(key, value): (String, Value)| {
                    let hidden = hidden || KEYS.contains(&key.as_str());
                    (key, expected(value, hidden))
                };
                Value::Object(members.into_iter().map(member).collect())
            }
            Value::Array(items) => items.into_iter().map(|item| expected(item, hidden)).collect(),
            Value::Null => Value::Null,
            _ if hidden => Value::from("[hidden]"),
            value => value,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_obvious_way(value in value(), pretty in any::<bool>()) {
            let body = match pretty {
                true => serde_json::to_string_pretty(&value),
                false => serde_json::to_string(&value),
            };
            let blanked: Value = serde_json::from_str(&of(&body.unwrap())).unwrap();
            prop_assert_eq!(blanked, expected(value, false));
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = blanked(&body);
        }
    }
}
