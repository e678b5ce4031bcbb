//! The names of the keys.

use crate::delivery::Key;

/// The version of the format. It is kept under `PREFIX:format`.
///
/// Versions 1 and 2 were never published. Version 1 kept records as strings and hashes under
/// `PREFIX:r:KEY`, and version 2 each fact of a record as a field of its own.
pub(super) const FORMAT: u32 = 3;

/// The names under a prefix. A script uses one of them, because each can be on another server of a
/// cluster.
pub(super) struct KeyNames {
    pub(super) prefix: String,
}

impl KeyNames {
    pub(super) fn record(&self, record: Key) -> Vec<u8> {
        self.name(format_args!("record:{record}"))
    }

    pub(super) fn alias(&self, alias: Key) -> Vec<u8> {
        self.name(format_args!("alias:{alias}"))
    }

    /// The list of the letters of a source.
    pub(super) fn letters(&self, source: &str) -> Vec<u8> {
        self.name(format_args!("letters:{source}"))
    }

    pub(super) fn sources(&self) -> Vec<u8> {
        self.name(format_args!("sources"))
    }

    pub(super) fn format(&self) -> Vec<u8> {
        self.name(format_args!("format"))
    }

    /// The list of the letters of version 1.
    pub(super) fn old_letters(&self) -> Vec<u8> {
        self.name(format_args!("dead"))
    }

    /// A pattern of the names of the records of version 1.
    pub(super) fn old_records(&self) -> String {
        let mut pattern = String::with_capacity(self.prefix.len() + 8);
        for letter in self.prefix.chars() {
            if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern + ":r:*"
    }

    fn name(&self, rest: std::fmt::Arguments<'_>) -> Vec<u8> {
        format!("{}:{rest}", self.prefix).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_are_documented() {
        let keys = KeyNames {
            prefix: "a*".to_owned(),
        };
        let key = Key::from_bytes(std::array::from_fn(|n| (17 * n) as u8));
        let names = [
            keys.record(key),
            keys.alias(key),
            keys.letters("billing"),
            keys.sources(),
            keys.format(),
        ];
        let wanted = [
            "a*:record:00112233445566778899aabbccddeeff",
            "a*:alias:00112233445566778899aabbccddeeff",
            "a*:letters:billing",
            "a*:sources",
            "a*:format",
        ];
        assert_eq!(names.map(|name| String::from_utf8(name).unwrap()), wanted);
        assert_eq!(keys.old_records(), "a\\*:r:*");
    }
}
