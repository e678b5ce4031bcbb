//! The names of the schema, the tables and the functions.

use sha2::{Digest, Sha256};

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

    /// Returns the name of the channel on which workers of other processes are told of events.
    ///
    /// It is a hash, because PostgreSQL refuses a long name.
    pub(super) fn channel(&self) -> String {
        let hash = Sha256::digest(format!("{}.{}", self.schema, self.prefix));
        let hash = u64::from_be_bytes(std::array::from_fn(|n| hash[n]));
        format!("apideck_hooks_{hash:016x}")
    }

    /// Fills in the placeholders of a statement.
    pub(super) fn fill(&self, sql: &str) -> String {
        let mut filled = sql.replace("{schema}", &self.schema);
        for (placeholder, name) in [
            ("{records}", "records"),
            ("{aliases}", "aliases"),
            ("{format}", "format"),
            ("{pauses}", "pauses"),
            ("{progress}", "progress"),
            ("{claim}", "claim_v3"),
            ("{finish}", "finish_v3"),
            ("{done}", "done_v3"),
            ("{purge}", "purge_v3"),
            ("{accept}", "accept_v3"),
            ("{fetch}", "fetch_v3"),
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
