//! The user's own values beside an event.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The user's own values beside an event: a small map of strings.
///
/// [`HooksBuilder::context`](crate::HooksBuilder::context) takes it from the request when a
/// delivery is accepted. A dead letter keeps it. So a tenant or a path is the same in the first run
/// and in a replay. **It is not signed.**
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Context(BTreeMap<String, String>);

/// The error of a context that would be too large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContextTooLarge(());

impl Context {
    /// Maximum length of all names and values together, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Makes an empty context.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, or replaces the value of that name.
    ///
    /// # Errors
    ///
    /// The context would be longer than [`Context::MAX_BYTES`]. It is left as it was.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), ContextTooLarge> {
        let (name, value) = (name.into(), value.into());
        let others = self.0.iter().filter(|(other, _)| **other != name);
        let length: usize = others.map(|(name, value)| name.len() + value.len()).sum();
        if length + name.len() + value.len() > Self::MAX_BYTES {
            return Err(ContextTooLarge(()));
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// Returns the value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns all names and values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Tells if there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the context as a JSON object, for a store to keep.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Makes a context from the JSON object that a store has kept. A text of another form is an
    /// empty context.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

impl fmt::Display for ContextTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a context holds at most {} bytes", Context::MAX_BYTES)
    }
}

impl std::error::Error for ContextTooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_bounded() {
        let mut context = Context::new();
        assert!(context.is_empty());
        context.insert("tenant", "t".repeat(1018)).unwrap();
        assert!(!context.is_empty());
        let error = context.insert("x", "").unwrap_err();
        assert_eq!(error.to_string(), "a context holds at most 1024 bytes");
        context.insert("tenant", "a").unwrap();
        context.insert("x", "b").unwrap();
        assert_eq!(context.iter().collect::<Vec<_>>(), [("tenant", "a"), ("x", "b")]);
        assert_eq!(Context::from_json(&context.to_json()), context);
        assert_eq!(Context::from_json("no json"), Context::new());
        // A name counts like a value.
        let mut context = Context::new();
        context.insert("n".repeat(1000), "").unwrap();
        assert!(context.insert("x", "v".repeat(24)).is_err());
    }
}
