//! What the tables are called.

use std::fmt;

/// The schema, and what the names of the tables in it begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    schema: String,
    prefix: String,
}

/// PostgreSQL cuts a name off after 63 bytes.
const LONGEST_SCHEMA: usize = 63;
/// Leaves room for the rest of a name, that of an index included.
const LONGEST_PREFIX: usize = 30;

impl Names {
    pub(super) const DEFAULT_SCHEMA: &str = "apideck_hooks";

    pub(super) fn new(schema: &str, prefix: &str) -> Result<Self, InvalidName> {
        if schema.is_empty() {
            return Err(InvalidName(String::new()));
        }
        for (name, longest) in [(schema, LONGEST_SCHEMA), (prefix, LONGEST_PREFIX)] {
            let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            let begins = name.bytes().next().is_none_or(|byte| !byte.is_ascii_digit());
            if name.len() > longest || !begins || !name.bytes().all(plain) {
                return Err(InvalidName(name.to_owned()));
            }
        }
        Ok(Names {
            schema: schema.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The statement with its placeholders filled in: `{schema}` bare, `{records}`, `{tokens}` and `{claim}` in full.
    pub(super) fn fill(&self, sql: &str) -> String {
        let name = |name| format!("\"{}\".\"{}{name}\"", self.schema, self.prefix);
        sql.replace("{schema}", &self.schema)
            .replace("{records}", &name("records"))
            .replace("{tokens}", &name("tokens"))
            .replace("{claim}", &name("claim_v1"))
    }
}

impl Default for Names {
    fn default() -> Self {
        Names {
            schema: Names::DEFAULT_SCHEMA.to_owned(),
            prefix: String::new(),
        }
    }
}

/// A schema or a prefix that [`PostgresStoreBuilder`](super::PostgresStoreBuilder) does not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidName(String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} cannot be part of a table's name: lower-case letters, digits and `_`, no digit first, a schema of 1 to \
             {LONGEST_SCHEMA}, a prefix of at most {LONGEST_PREFIX}",
            self.0
        )
    }
}

impl std::error::Error for InvalidName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_taken() {
        let new = Names::new;
        assert_eq!(new(Names::DEFAULT_SCHEMA, ""), Ok(Names::default()));
        for (schema, prefix) in [
            ("public", ""),
            ("_a1", "hooks_"),
            ("user", "_"),
            (&"s".repeat(63), &"p".repeat(30)),
        ] {
            assert!(new(schema, prefix).is_ok(), "{schema} {prefix}");
        }
        let long = "p".repeat(64);
        for bad in [
            "1a", "A", "a-b", "a b", "a\"b", "a'b", "a;b", "a.b", "ä", "a\0", "a$", "a{b}", &long,
        ] {
            assert_eq!(new(bad, ""), Err(InvalidName(bad.to_owned())));
            assert_eq!(new("public", bad), Err(InvalidName(bad.to_owned())));
        }
        assert!(new("", "").is_err() && new("public", &long[..31]).is_err());
    }
}
