//! Names that a misspelt one can mean.

/// Maximum number of names.
const MOST: usize = 3;

/// Returns the names that a text most likely means, the nearest first.
///
/// Case and punctuation do not count. The beginning may be missing, as in `connection.callable`, or
/// be too long, as in `payload.entity.name`.
pub(super) fn near<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = letters(text);
    let distance = |name: &str| {
        let name = letters(name);
        if !text.is_empty() && (name.ends_with(&text) || text.ends_with(&name)) {
            return Some(1);
        }
        let distance = strsim::osa_distance(&text, &name);
        (distance <= name.len().div_ceil(5)).then_some(distance)
    };
    let names = names.into_iter();
    let mut near: Vec<_> = names.filter_map(|name| Some((distance(name)?, name))).collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().map(|(_, name)| name).take(MOST).collect()
}

/// Writes the names as a question. Empty without names.
pub(super) fn did_you_mean(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(": did you mean {}?", names.join(" or ")),
    }
}

fn letters(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let names = [
            "vault.connection.created",
            "vault.connection.callable",
            "crm.lead.created",
        ];
        for (text, nearest) in [
            ("vault.connection.callabel", Some("vault.connection.callable")),
            ("connection.created", Some("vault.connection.created")),
            ("ConnectionCallable", Some("vault.connection.callable")),
            ("payload.crm.lead.created", Some("crm.lead.created")),
            ("something.else", None),
            ("", None),
        ] {
            assert_eq!(near(text, names).first().copied(), nearest, "{text}");
        }
        assert_eq!(did_you_mean(&["a", "b"]), ": did you mean `a` or `b`?");
        assert_eq!(did_you_mean(&near("", names)), "");
    }
}
