//! Names that a misspelt one can mean.

use crate::event::{NAMES, RUST_NAMES};

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

/// Returns the events that a text most likely means, the nearest first.
///
/// The first one is the one that the macro suggests. A name with other separators comes first, then
/// one with its words in another order, and then one with wrong letters in its words.
pub(super) fn near_events(text: &str) -> Vec<&'static str> {
    let parts = words(text);
    let joined = parts.concat();
    let sorted = |mut words: Vec<String>| {
        words.sort_unstable();
        words
    };
    let (wanted, further) = (sorted(parts.clone()), near(text, NAMES.iter().copied()));
    let rank = |name: &'static str, rust_name: &str| {
        let (_, rest) = name.split_once('.').unwrap_or_default();
        let same = |text: &str| words(text).concat() == joined;
        if same(name) || same(rest) || rust_name.eq_ignore_ascii_case(&joined) {
            return Some((0, 0));
        }
        if sorted(words(name)) == wanted {
            return Some((1, 0));
        }
        let misspelt = word_distance(&parts, &words(name)).map(|distance| (2, distance));
        misspelt.or_else(|| Some((3, further.iter().position(|other| *other == name)?)))
    };
    let names = NAMES.iter().zip(RUST_NAMES);
    let mut ranked: Vec<_> = names
        .filter_map(|(name, rust_name)| Some((rank(name, rust_name)?, *name)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    // A misspelt name has siblings that are nearly as near. They are no help beside it.
    if let Some((nearest, _)) = ranked.first().copied().filter(|((level, _), _)| *level < 3) {
        ranked.retain(|(rank, _)| *rank == nearest);
    }
    ranked.into_iter().map(|(_, name)| name).take(MOST).collect()
}

/// Returns the number of wrong letters. `None` if a word has more than one for every four letters,
/// rounded up, because then it is another word.
fn word_distance(words: &[String], wanted: &[String]) -> Option<usize> {
    if words.len() != wanted.len() {
        return None;
    }
    let pairs = words.iter().zip(wanted);
    pairs
        .map(|(word, wanted)| {
            let distance = strsim::osa_distance(word, wanted);
            (distance <= wanted.len().div_ceil(4)).then_some(distance)
        })
        .sum()
}

/// Splits a text into its words, in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// Writes the names as a question that ends a sentence. Without names it is the full stop.
pub(super) fn did_you_mean(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.is_empty() {
        true => ".".to_owned(),
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
        assert_eq!(did_you_mean(&near("", names)), ".");
    }
}
