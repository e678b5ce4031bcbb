//! Texts that PostgreSQL cannot hold.
//!
//! A text of PostgreSQL has no NUL character. A NUL is kept as `\0`, and a backslash as `\\`.

use std::borrow::Cow;

pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\\']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\\', r"\\").replace('\0', r"\0"))
}

pub(super) fn unescape(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let escaped = character == '\\';
        unescaped.push(match characters.clone().next() {
            Some('0') if escaped => '\0',
            _ => character,
        });
        if escaped {
            characters.next();
        }
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_the_same() {
        for text in ["", "a", "\0", "\\", r"\0", r"\\0", "a\0b\\c\\\\d\0", r"\", "\\\0"] {
            let escaped = escape(text);
            assert!(!escaped.contains('\0'));
            assert_eq!(unescape(&escaped), text);
        }
    }
}
