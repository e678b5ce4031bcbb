//! Texts from outside, and texts for people.

use std::time::{Duration, SystemTime};

use apideck_hooks::Timestamp;
use serde_json::Value;

/// Longest text of another side that is printed for people.
const LONGEST: usize = 1000;

/// Makes a text of another side safe for a terminal: one line, without control characters, and of
/// a bounded length.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::new();
    for character in text.chars() {
        if clean.len() >= LONGEST {
            clean.push('…');
            break;
        }
        if is_obeyed(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Tells if a terminal obeys a character. Control characters move the cursor, and the others change
/// the direction of the text.
pub(crate) fn is_obeyed(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || turns
}

/// Makes the bytes of another side safe for a terminal.
pub(crate) fn clean_bytes(bytes: &[u8]) -> String {
    // Four bytes make a character at most, so this is enough for `clean`.
    clean(&String::from_utf8_lossy(&bytes[..bytes.len().min(4 * LONGEST)]))
}

/// Writes a number with its noun: `1 event`, `2 events`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Reads a point in time: `2026-11-29T10:00:00Z`, `2026-11-29`, or a time ago such as `36h`.
pub(crate) fn parse_time(text: &str) -> Result<SystemTime, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return SystemTime::now()
            .checked_sub(ago)
            .ok_or_else(|| "that long ago there was no time".to_owned());
    }
    Timestamp::from(text).get().ok_or_else(|| {
        "expected a time such as `2026-11-29T10:00:00Z` or `2026-11-29`, or a time ago such as `36h`"
            .to_owned()
    })
}

/// Writes a time in UTC, with milliseconds.
pub(crate) fn time(at: SystemTime) -> String {
    Timestamp::from(at).to_string()
}

/// Writes a pause: `3m`, `1h 30m`.
pub(crate) fn pause(pause: Duration) -> String {
    humantime::format_duration(Duration::from_secs(pause.as_secs())).to_string()
}

/// Writes a time that has passed, in its largest unit: `90s` is `1m`.
pub(crate) fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Writes a member of an object for a terminal.
pub(crate) fn member(object: &Value, name: &str) -> String {
    match &object[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_another_side_cannot_move_the_cursor() {
        assert_eq!(clean("a\u{1b}[2Jb\r\n\u{202e}é"), "a\\u{1b}[2Jb\\r\\n\\u{202e}é");
        assert_eq!(clean(&"x".repeat(5000)).chars().count(), LONGEST + 1);
        assert_eq!(clean_bytes(b"\xff\0"), "\u{fffd}\\u{0}");
    }

    #[test]
    fn a_time_is_a_date_or_a_time_ago() {
        assert_eq!(
            time(parse_time("2026-11-29").unwrap()),
            "2026-11-29T00:00:00.000Z"
        );
        let then = parse_time("2h").unwrap();
        let ago = SystemTime::now().duration_since(then).unwrap();
        assert!(ago >= Duration::from_secs(7200));
        assert!(parse_time("yesterday").is_err() && parse_time("99999999999999999999years").is_err());
        assert_eq!(pause(Duration::from_millis(90_500)), "1m 30s");
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (90, "1m"),
            (86_400, "24h"),
            (172_800, "2d"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), text);
        }
    }
}
