//! One entry of the list: an exact name, a pattern, or a name that the table does not know yet.

use super::names;
use crate::table::{EVENTS, Family};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Selector {
    /// Position in the table.
    Exact(u16),
    /// `prefix*`; the table is sorted, so what it matches is the range `first..end`.
    Pattern {
        prefix: String,
        first: u16,
        end: u16,
    },
    Unlisted(String),
}

impl Selector {
    /// A name or pattern of the table, or what is wrong with it.
    pub(crate) fn resolve(text: &str) -> Result<Self, String> {
        if let Ok(index) = EVENTS.binary_search_by(|event| event.name.cmp(text)) {
            return Ok(Selector::Exact(index as u16));
        }
        if !text.contains('*') {
            return Err(names::unknown(text));
        }
        let Some(prefix) = text
            .strip_suffix('*')
            .filter(|rest| !rest.contains('*') && (rest.is_empty() || rest.ends_with('.')))
        else {
            return Err(format!(
                "`{text}` is no pattern: `*` stands alone at the end, after a dot, for all that follows, as in \
                 `crm.*` or `vault.connection.*`"
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
        Ok(Selector::Pattern {
            prefix: prefix.to_owned(),
            first: first as u16,
            end: (first + len) as u16,
        })
    }

    /// A name that the table does not have, or why it should not be given this way.
    pub(crate) fn resolve_unlisted(text: &str) -> Result<Self, String> {
        if EVENTS.iter().any(|event| event.name == text) {
            return Err(format!("`{text}` is listed: write `#[on(\"{text}\")]`"));
        }
        let part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*');
        if text.split('.').count() < 2 || !text.split('.').all(part) {
            return Err(format!(
                "`{text}` is no event name: expected `api.resource.action`, without `*`"
            ));
        }
        Ok(Selector::Unlisted(text.to_owned()))
    }

    pub(crate) fn overlaps(&self, other: &Selector) -> bool {
        let range = |selector: &Selector| match selector {
            Selector::Exact(index) => Some(*index..*index + 1),
            Selector::Pattern { first, end, .. } => Some(*first..*end),
            Selector::Unlisted(_) => None,
        };
        match (self, other) {
            (Selector::Unlisted(a), Selector::Unlisted(b)) => a == b,
            (Selector::Unlisted(name), Selector::Pattern { prefix, .. })
            | (Selector::Pattern { prefix, .. }, Selector::Unlisted(name)) => name.starts_with(prefix),
            (a, b) => {
                matches!((range(a), range(b)), (Some(a), Some(b)) if a.start < b.end && b.start < a.end)
            }
        }
    }

    /// As the user writes it.
    pub(crate) fn text(&self) -> String {
        match self {
            Selector::Exact(index) => EVENTS[usize::from(*index)].name.to_owned(),
            Selector::Pattern { prefix, .. } => format!("{prefix}*"),
            Selector::Unlisted(name) => name.clone(),
        }
    }

    /// The name of the narrowest type that holds its events.
    pub(crate) fn payload_type(&self) -> &'static str {
        let family = |vault| if vault { "ConnectionEvent" } else { "ResourceEvent" };
        match self {
            Selector::Exact(index) => EVENTS[usize::from(*index)].rust_name,
            Selector::Unlisted(name) => family(name.starts_with("vault.")),
            Selector::Pattern { prefix, .. } if prefix.is_empty() => "AnyEvent",
            // A dot ends the prefix: all are of one API.
            Selector::Pattern { first, .. } => {
                family(EVENTS[usize::from(*first)].family == Family::Connection)
            }
        }
    }

    /// The value of the runtime's `Selector`.
    pub(crate) fn to_value(&self, krate: &Ident) -> TokenStream {
        match self {
            Selector::Exact(index) => quote!(#krate::Selector::Exact(#index)),
            Selector::Pattern { prefix, first, end } => {
                quote!(#krate::Selector::Pattern { prefix: #prefix, first: #first, end: #end })
            }
            Selector::Unlisted(name) => quote!(#krate::Selector::Unlisted(#name)),
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
