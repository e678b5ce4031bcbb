//! One entry of the attribute: an exact name, a pattern, or an unlisted name.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names;
use crate::table::{EVENTS, Family};

/// An entry of the attribute, resolved against the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Selector {
    /// A listed event, as its index in the table.
    Exact(u16),
    /// `prefix*`. It matches the range `first..end` of the table, because the table is sorted.
    Pattern { prefix: String, first: u16, end: u16 },
    /// A name that the table does not have.
    Unlisted(String),
}

impl Selector {
    /// Resolves a name or a pattern.
    ///
    /// # Errors
    ///
    /// The table has no such event. The error is the message.
    pub(crate) fn resolve(text: &str) -> Result<Self, String> {
        if let Ok(index) = EVENTS.binary_search_by(|event| event.name.cmp(text)) {
            return Ok(Self::Exact(index as u16));
        }
        if !text.contains('*') {
            return Err(names::unknown(text));
        }
        let Some(prefix) = text
            .strip_suffix('*')
            .filter(|rest| !rest.contains('*') && (rest.is_empty() || rest.ends_with('.')))
        else {
            return Err(format!(
                "`{text}` is not a valid pattern: `*` must be the last part of the name, as in `crm.*` or \
                 `vault.connection.*`"
            ));
        };
        let first = EVENTS.partition_point(|event| event.name < prefix);
        let len = EVENTS[first..]
            .iter()
            .take_while(|event| event.name.starts_with(prefix))
            .count();
        if len == 0 {
            return Err(names::empty_pattern(text, prefix));
        }
        Ok(Self::Pattern {
            prefix: prefix.to_owned(),
            first: first as u16,
            end: (first + len) as u16,
        })
    }

    /// Resolves a name that was given as unlisted.
    ///
    /// # Errors
    ///
    /// The table has the name, or it cannot be a name. The error is the message.
    pub(crate) fn resolve_unlisted(text: &str) -> Result<Self, String> {
        if EVENTS.iter().any(|event| event.name == text) {
            return Err(format!("`{text}` is a listed event: write `#[on(\"{text}\")]`"));
        }
        let part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*');
        if text.split('.').count() < 2 || !text.split('.').all(part) {
            return Err(format!(
                "`{text}` is not an event name: expected the form `api.resource.action`, without `*`"
            ));
        }
        Ok(Self::Unlisted(text.to_owned()))
    }

    /// Returns `true` if an event can match both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let range = |selector: &Self| match selector {
            Self::Exact(index) => Some(*index..*index + 1),
            Self::Pattern { first, end, .. } => Some(*first..*end),
            Self::Unlisted(_) => None,
        };
        match (self, other) {
            (Self::Unlisted(a), Self::Unlisted(b)) => a == b,
            (Self::Unlisted(name), Self::Pattern { prefix, .. })
            | (Self::Pattern { prefix, .. }, Self::Unlisted(name)) => name.starts_with(prefix),
            (a, b) => {
                matches!((range(a), range(b)), (Some(a), Some(b)) if a.start < b.end && b.start < a.end)
            }
        }
    }

    /// Returns the text that the user wrote.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Exact(index) => EVENTS[usize::from(*index)].name.to_owned(),
            Self::Pattern { prefix, .. } => format!("{prefix}*"),
            Self::Unlisted(name) => name.clone(),
        }
    }

    /// Returns the name of the narrowest payload type for its events.
    pub(crate) fn payload_type(&self) -> &'static str {
        let family = |vault| if vault { "ConnectionEvent" } else { "ResourceEvent" };
        match self {
            Self::Exact(index) => EVENTS[usize::from(*index)].rust_name,
            Self::Unlisted(name) => family(name.starts_with("vault.")),
            Self::Pattern { prefix, .. } if prefix.is_empty() => "AnyEvent",
            // The prefix ends with a dot, so all its events are of one API and one family.
            Self::Pattern { first, .. } => family(EVENTS[usize::from(*first)].family == Family::Connection),
        }
    }

    /// Returns the expression of the same selector in the runtime crate.
    pub(crate) fn to_value(&self, krate: &Ident) -> TokenStream {
        match self {
            Self::Exact(index) => quote!(#krate::Selector::Exact(#index)),
            Self::Pattern { prefix, first, end } => {
                quote!(#krate::Selector::Pattern { prefix: #prefix, first: #first, end: #end })
            }
            Self::Unlisted(name) => quote!(#krate::Selector::Unlisted(#name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<&'static str> {
        match Selector::resolve(pattern) {
            Ok(Selector::Pattern { first, end, .. }) => EVENTS[usize::from(first)..usize::from(end)]
                .iter()
                .map(|event| event.name)
                .collect(),
            other => panic!("{pattern}: {other:?}"),
        }
    }

    #[test]
    fn a_pattern_is_the_range_of_all_names_that_start_so() {
        for prefix in [
            "",
            "vault.",
            "vault.connection.",
            "vault.connection.token_refresh.",
            "pos.modifier.",
            "pos.",
        ] {
            let expected: Vec<_> = EVENTS
                .iter()
                .map(|event| event.name)
                .filter(|name| name.starts_with(prefix))
                .collect();
            assert_eq!(names(&format!("{prefix}*")), expected);
        }
    }

    #[test]
    fn every_name_resolves_to_itself() {
        for event in EVENTS {
            assert_eq!(Selector::resolve(event.name).unwrap().text(), event.name);
        }
    }

    #[test]
    fn a_star_elsewhere_is_refused() {
        for text in [
            "vault.*.created",
            "vault.connection*",
            "**",
            "*.created",
            "vault.**",
            ".*",
        ] {
            assert!(Selector::resolve(text).is_err(), "{text}");
        }
    }

    #[test]
    fn unlisted_names_are_checked() {
        assert!(Selector::resolve_unlisted("vault.connection.paused").is_ok());
        for text in [
            "vault.connection.created",
            "vault",
            "",
            "vault..x",
            "vault.*",
            "a b.c",
        ] {
            assert!(Selector::resolve_unlisted(text).is_err(), "{text}");
        }
    }
}
