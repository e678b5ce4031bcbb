//! The names of the schema, the tables and the functions.

use crate::store::StoreError;

/// The schema, and the beginning of all names in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    schema: String,
    prefix: String,
}

/// PostgreSQL cuts a longer name.
const LONGEST_SCHEMA: usize = 63;
/// Leaves room for the rest of a name, also of an index.
const LONGEST_PREFIX: usize = 30;

impl Names {
    pub(super) const DEFAULT_SCHEMA: &str = "apideck_hooks";

    pub(super) fn new(schema: &str, prefix: &str) -> Result<Self, StoreError> {
        for (name, shortest, longest) in [(schema, 1, LONGEST_SCHEMA), (prefix, 0, LONGEST_PREFIX)] {
            let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            let begins = name.bytes().next().is_none_or(|byte| !byte.is_ascii_digit());
            if !(shortest..=longest).contains(&name.len()) || !begins || !name.bytes().all(plain) {
                return Err(StoreError::new(format!(
                    "{name:?} cannot be a part of a table's name: use lower-case letters, digits and `_`, \
                     no digit first, {LONGEST_SCHEMA} at most for a schema and {LONGEST_PREFIX} for a prefix"
                )));
            }
        }
        Ok(Self {
            schema: schema.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// Returns the name of a statement, which no other statement of any release has.
    pub(super) fn of_statement(&self, name: &str) -> String {
        let release = env!("CARGO_PKG_VERSION");
        format!("{}.{}{name} {release}", self.schema, self.prefix)
    }

    /// Fills in the placeholders of a statement.
    pub(super) fn fill(&self, sql: &str) -> String {
        let mut filled = sql.replace("{schema}", &self.schema);
        for (placeholder, name) in [
            ("{records}", "records"),
            ("{aliases}", "aliases"),
            ("{format}", "format"),
            ("{claim}", "claim_v2"),
            ("{finish}", "finish_v2"),
            ("{purge}", "purge_v2"),
        ] {
            let name = format!("\"{}\".\"{}{name}\"", self.schema, self.prefix);
            filled = filled.replace(placeholder, &name);
        }
        filled
    }
}

impl Default for Names {
    fn default() -> Self {
        Self {
            schema: Self::DEFAULT_SCHEMA.to_owned(),
            prefix: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_taken() {
        for (schema, prefix) in [
            (Names::DEFAULT_SCHEMA, ""),
            ("public", ""),
            ("_a1", "hooks_"),
            ("user", "_"),
            (&"s".repeat(63), &"p".repeat(30)),
        ] {
            assert!(Names::new(schema, prefix).is_ok(), "{schema} {prefix}");
        }
        let long = "p".repeat(64);
        for bad in [
            "1a", "A", "a-b", "a b", "a\"b", "a'b", "a;b", "a.b", "ä", "a\0", "a$", "a{b}", &long,
        ] {
            assert!(Names::new(bad, "").is_err(), "{bad}");
            assert!(Names::new("public", bad).is_err(), "{bad}");
        }
        assert!(Names::new("", "").is_err() && Names::new("public", &long[..31]).is_err());
    }
}
