//! What to say about a name that the table does not have.

use crate::table::EVENTS;

/// The message for a name that is no event.
pub(crate) fn unknown(text: &str) -> String {
    if text.is_empty() {
        return "expected an event name, such as \"vault.connection.callable\"".to_owned();
    }
    match closest(text) {
        Some(name) => format!("no event is called `{text}`: did you mean `{name}`?"),
        None => format!("no event is called `{text}`{}", outside_the_table(text)),
    }
}

/// The message for a pattern under which the table has nothing.
pub(crate) fn empty_pattern(text: &str, prefix: &str) -> String {
    let parts = prefix.matches('.').count();
    let prefixes = EVENTS.iter().filter_map(|event| {
        let end = event.name.match_indices('.').nth(parts.checked_sub(1)?)?.0;
        Some(&event.name[..=end])
    });
    match nearest(prefix, prefixes) {
        Some(near) => format!("no event matches `{text}`: did you mean `{near}*`?"),
        None => format!("no event matches `{text}`; the APIs with events are {}", apis()),
    }
}

fn outside_the_table(text: &str) -> String {
    let api = text.split('.').next().unwrap_or(text);
    if text.contains('.')
        && EVENTS
            .iter()
            .any(|event| event.name.split('.').next() == Some(api))
    {
        format!("; if Apideck has added it since this release, write `#[on(unlisted = \"{text}\")]`")
    } else {
        format!(
            "; names are `api.resource.action`, and the APIs with events are {}",
            apis()
        )
    }
}

fn apis() -> String {
    let mut apis: Vec<_> = EVENTS
        .iter()
        .filter_map(|event| event.name.split('.').next())
        .collect();
    apis.dedup();
    apis.iter()
        .map(|api| format!("`{api}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The listed name that was most likely meant.
fn closest(text: &str) -> Option<&'static str> {
    let plain = normalise(text);
    let names = || EVENTS.iter().map(|event| event.name);
    if let Some(name) = names().find(|name| normalise(name) == plain) {
        return Some(name);
    }
    // The API left out, as in `connection.callable`.
    if let Some(name) = names().find(|name| {
        name.split_once('.')
            .is_some_and(|(_, rest)| normalise(rest) == plain)
    }) {
        return Some(name);
    }
    // The right words in another order.
    if let Some(name) = names().find(|name| sorted_words(&normalise(name)) == sorted_words(&plain)) {
        return Some(name);
    }
    nearest(&plain, names())
}

/// Lower case, one separator, nothing at the ends: what a dashboard label and a wire name share.
fn normalise(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(".").to_ascii_lowercase()
}

fn sorted_words(text: &str) -> Vec<&str> {
    let mut words: Vec<_> = text.split('.').collect();
    words.sort_unstable();
    words
}

fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = names
        .map(|name| (strsim::osa_distance(text, name), name))
        .min_by_key(|(d, _)| *d)?;
    (distance <= text.len() / 4).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        for (text, meant) in [
            ("vault.connection.callabel", "vault.connection.callable"),
            ("vualt.connection.callable", "vault.connection.callable"),
            ("vault.conection.created", "vault.connection.created"),
            ("connection.vault.callable", "vault.connection.callable"),
            ("connection.callable", "vault.connection.callable"),
            ("VAULT.CONNECTION.CALLABLE", "vault.connection.callable"),
            ("vault.connection.callable.", "vault.connection.callable"),
            ("Vault connection callable", "vault.connection.callable"),
            ("hris.time_off_request.created", "hris.time-off-request.created"),
        ] {
            assert_eq!(closest(text), Some(meant), "{text}");
        }
        assert_eq!(closest("something.else.entirely"), None);
    }

    #[test]
    fn an_empty_pattern_suggests_a_prefix() {
        assert!(empty_pattern("valt.*", "valt.").contains("did you mean `vault.*`?"));
        assert!(empty_pattern("crm.contacts.*", "crm.contacts.").contains("did you mean `crm.contact.*`?"));
        assert!(empty_pattern("billing.*", "billing.").contains("`accounting`"));
    }
}
