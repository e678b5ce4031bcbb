//! Messages about names that the table does not have.

use proc_macro2::{TokenStream, TokenTree};

use crate::table::EVENTS;

/// Returns the message about an unknown name.
pub(crate) fn unknown(text: &str) -> String {
    if text.is_empty() {
        return "expected an event name, such as \"vault.connection.callable\"".to_owned();
    }
    match likely_meant(text) {
        Some(name) => format!("no event is called `{text}`: did you mean `{name}`?"),
        None => format!("no event is called `{text}`{}", without_suggestion(text)),
    }
}

/// Returns the message about a constant, a variant or a macro in the place of a name.
pub(crate) fn not_a_literal(value: &TokenStream) -> String {
    let text = value.to_string().replace(' ', "");
    let last = value.clone().into_iter().last();
    let event = EVENTS
        .iter()
        .find(|event| matches!(&last, Some(TokenTree::Ident(last)) if last == event.rust_name));
    let name = event.map_or_else(
        || "the event name in quotes, such as \"vault.connection.callable\"".to_owned(),
        |event| format!("\"{}\"", event.name),
    );
    format!(
        "`#[on]` cannot see the value of `{text}`, because a macro runs before constants have values: write {name}"
    )
}

/// Returns the message about a pattern that matches no listed event.
pub(crate) fn empty_pattern(text: &str, prefix: &str) -> String {
    let dots = prefix.matches('.').count();
    let prefixes = names().filter_map(|name| {
        let end = name.match_indices('.').nth(dots.checked_sub(1)?)?.0;
        Some(&name[..=end])
    });
    match nearest(&prefix.to_ascii_lowercase(), prefixes) {
        Some(near) => format!("no event matches `{text}`: did you mean `{near}*`?"),
        None => format!(
            "no event matches `{text}`. The APIs with events are {}",
            quoted(apis())
        ),
    }
}

/// Returns the warning about an unlisted name if it is one letter away from a listed one.
pub(crate) fn likely_typo(text: &str) -> Option<String> {
    let name = names().find(|name| strsim::osa_distance(text, name) == 1)?;
    Some(format!(
        "`{text}` is one letter away from `{name}`, which Apideck lists. If you mean another event, add \
         `#[allow(deprecated)]` to the handler"
    ))
}

/// Returns the end of the message about an unknown name that resembles no listed one.
fn without_suggestion(text: &str) -> String {
    let (api, resource) = match text.split('.').collect::<Vec<_>>()[..] {
        [api, resource, _, ..] => (api, resource),
        _ => ("", ""),
    };
    let prefix = format!("{api}.{resource}.");
    let siblings: Vec<_> = names().filter(|name| name.starts_with(&prefix)).collect();
    let unlisted =
        format!("If Apideck has added it since this release, write `#[on(unlisted = \"{text}\")]`");
    if !siblings.is_empty() {
        let actions = siblings.iter().map(|name| &name[prefix.len()..]).collect();
        format!(": `{prefix}` can be followed by {}. {unlisted}", quoted(actions))
    } else if apis().contains(&api) {
        format!(". {unlisted}")
    } else {
        format!(
            ". Names have the form `api.resource.action`, and the APIs with events are {}",
            quoted(apis())
        )
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|event| event.name)
}

fn apis() -> Vec<&'static str> {
    let mut apis: Vec<_> = names().filter_map(|name| name.split('.').next()).collect();
    apis.dedup();
    apis
}

fn quoted(names: Vec<&str>) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Returns the listed name that `text` most likely means.
fn likely_meant(text: &str) -> Option<&'static str> {
    let with_dots = words(text).join(".");
    let letters = with_dots.replace('.', "");
    let same = |name: &str| words(name).concat() == letters;
    // Users write other separators or another case, leave out the API as in `connection.callable`,
    // or write the Rust name.
    let respelled = EVENTS.iter().find(|event| {
        let (_, rest) = event.name.split_once('.').unwrap_or_default();
        same(event.name) || same(rest) || event.rust_name.eq_ignore_ascii_case(&letters)
    });
    if let Some(event) = respelled {
        return Some(event.name);
    }
    let sorted = |text: &str| {
        let mut words = words(text);
        words.sort_unstable();
        words
    };
    names()
        .find(|name| sorted(name) == sorted(text))
        .or_else(|| nearest(&with_dots, names()))
}

/// Splits a text into its words, in lower case. A dashboard label has the same words as the wire
/// name.
fn words(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

/// Returns the name that `text` misspells.
///
/// Each word may have one wrong letter for every four letters, rounded up, so that another word
/// does not count as a typo.
fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| {
        let (parts, wanted) = (words(text), words(name));
        if parts.len() != wanted.len() {
            return None;
        }
        let mut sum = 0;
        for (part, wanted) in parts.iter().zip(&wanted) {
            let distance = strsim::osa_distance(part, wanted);
            if distance > wanted.len().div_ceil(4) {
                return None;
            }
            sum += distance;
        }
        Some(sum)
    };
    let near = names.filter_map(|name| Some((distance(name)?, name)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        for (text, name) in [
            ("vault.connection.callabel", "vault.connection.callable"),
            ("vualt.connection.callable", "vault.connection.callable"),
            ("vault.conection.created", "vault.connection.created"),
            ("vault.conection.creatd", "vault.connection.created"),
            ("connection.vault.callable", "vault.connection.callable"),
            ("connection.callable", "vault.connection.callable"),
            ("VAULT.CONNECTION.CALLABLE", "vault.connection.callable"),
            ("vault.connection.callable.", "vault.connection.callable"),
            ("vaultconnection.callable", "vault.connection.callable"),
            ("Vault connection callable", "vault.connection.callable"),
            ("ConnectionCallable", "vault.connection.callable"),
            ("crm.contacts.create", "crm.contact.created"),
            ("hris.time_off_request.created", "hris.time-off-request.created"),
        ] {
            assert_eq!(likely_meant(text), Some(name), "{text}");
        }
    }

    #[test]
    fn another_word_is_not_a_typo() {
        for text in [
            "something.else.entirely",
            "vault.connection.paused",
            "vault.connection.enabled",
            "crm.lead.merged",
            "hris.employee.hired",
        ] {
            assert_eq!(likely_meant(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_pattern_suggests_a_prefix() {
        for (text, near) in [
            ("valt.", "`vault.*`?"),
            ("crm.contacts.", "`crm.contact.*`?"),
            ("Vault.", "`vault.*`?"),
            ("billing.", "`accounting`"),
        ] {
            assert!(empty_pattern("…", text).contains(near), "{text}");
        }
    }
}
