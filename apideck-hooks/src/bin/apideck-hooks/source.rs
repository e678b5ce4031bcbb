//! The event to send: a name, a file, or standard input.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use apideck_hooks::testing::{Event, EventError};
use bytes::Bytes;
use serde_json::Value;

use crate::exit::Trouble;
use crate::screen::Screen;

/// Longest body that is read from a file.
pub(crate) const LONGEST_BODY: u64 = 16 * 1024 * 1024;

/// Tells if an argument is a file and not the name of an event, which has neither a slash nor an
/// ending.
pub(crate) fn is_file(argument: &str) -> bool {
    argument == "-" || argument.contains(['/', '\\']) || argument.ends_with(".json")
}

/// Reads a body from a file, or from standard input for `-`.
pub(crate) fn read_body(file: &str) -> Result<Bytes, Trouble> {
    let mut body = Vec::new();
    let read = match file {
        "-" => stdin().lock().take(LONGEST_BODY + 1).read_to_end(&mut body),
        _ => File::open(file).and_then(|file| file.take(LONGEST_BODY + 1).read_to_end(&mut body)),
    };
    read.map_err(|error| Trouble::wrong_use(format_args!("{file}: {error}")))?;
    if body.len() as u64 > LONGEST_BODY {
        return Err(Trouble::wrong_use(format_args!(
            "{file}: longer than {LONGEST_BODY} bytes"
        )));
    }
    Ok(body.into())
}

/// Makes the event of an argument.
pub(crate) fn event(argument: &str, unlisted: bool) -> Result<Event, Trouble> {
    if is_file(argument) {
        let event = Event::from_json(read_body(argument)?);
        return event.map_err(|error| Trouble::wrong_use(format_args!("{argument}: {error}")));
    }
    if unlisted {
        return Ok(Event::unlisted(argument));
    }
    Event::try_new(argument).map_err(|error| {
        let file = if Path::new(argument).exists() {
            format!(" For the file write `./{argument}`.")
        } else {
            String::new()
        };
        Trouble::wrong_use(at_the_shell(&error) + &file)
    })
}

/// Tells that this release does not list an event, with the nearest name. `None` if it does.
pub(crate) fn unlisted(event: &str) -> Option<String> {
    let error = Event::try_new(event).err()?.to_string();
    // The rest is about sending the event.
    error.split(" `Event::unlisted`").next().map(str::to_owned)
}

/// Remarks that this release does not list the event of a filter, which may be misspelt.
pub(crate) fn remark_unlisted(event: Option<&str>, screen: &Screen) {
    if let Some(text) = event.and_then(unlisted) {
        screen.remark(format_args!("note: {text}"));
    }
}

/// Reads `path=value`. The value is JSON, or else a text.
pub(crate) fn parse_setting(text: &str) -> Result<(String, Value), String> {
    let (path, value) = text.split_once('=').ok_or("expected `path=value`")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((path.to_owned(), value))
}

/// Writes an error of the test kit with the options of the command in place of the kit's functions.
pub(crate) fn at_the_shell(error: &EventError) -> String {
    error
        .to_string()
        .replace("`Event::unlisted` makes", "`--unlisted` makes")
        .replace("`set_new` sets", "`--set-new` sets")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_json_or_text() {
        for (text, value) in [
            ("a=1", json!(1)),
            ("a=\"1\"", json!("1")),
            ("a=x=y", json!("x=y")),
            ("a={\"b\":[null]}", json!({"b": [null]})),
            ("a=", json!("")),
        ] {
            assert_eq!(parse_setting(text).unwrap(), ("a".to_owned(), value));
        }
        assert!(parse_setting("a").is_err());
    }

    #[test]
    fn a_name_is_not_a_file() {
        assert!(is_file("-") && is_file("./x") && is_file("body.json"));
        assert!(!is_file("vault.connection.created"));
        let error = event("vault.conection.created", false).unwrap_err().message;
        assert!(
            error.contains("`vault.connection.created`") && error.contains("`--unlisted`"),
            "{error}"
        );
        let error = at_the_shell(&Event::new("crm.lead.created").try_set("nothing", 1).unwrap_err());
        assert!(error.contains("`--set-new` sets"), "{error}");
    }
}
