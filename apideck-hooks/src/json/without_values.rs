//! The text of an error of serde_json, without what it quotes.

/// Returns the text without the values that serde quotes, as in `invalid type: string "…", expected
/// a map`.
pub(crate) fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = message.find(['"', '`']).unwrap_or(message.len());
    let kind = message[..end].trim_end();
    match message.rfind(", expected ") {
        Some(at) if at >= end => format!("{kind}{}", &message[at..]),
        _ => kind.to_owned(),
    }
}
