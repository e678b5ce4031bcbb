//! The values of a checked JSON text.
//!
//! # How it works
//!
//! In a text that is known to be JSON, finding the end of a value takes no grammar: brackets are
//! counted outside of strings. Commas and colons are skipped like whitespace, because an object is
//! keys and values by turns.

use super::run_end;

/// Takes the next value or key from the inside of an object or array. `None` at its end.
pub(super) fn take<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start_matches([' ', '\n', '\r', '\t', ',', ':']);
    let (value, after) = text.split_at_checked(value_end(text.as_bytes()))?;
    *rest = after;
    (!value.is_empty()).then_some(value)
}

/// Returns the end of the value at the beginning of the text.
fn value_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b'}' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return at,
            // A byte of a number or a word, or one between the values of an object or array.
            _ => {
                at += 1;
                continue;
            }
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Returns the position of the quote that ends the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = run_end(text, start + 1);
    while text.get(at) == Some(&b'\\') {
        at = run_end(text, at + 2);
    }
    at
}
