//! The terminal, or the pipe in its place.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use serde_json::Value;

/// Standard output for results, and standard error for everything else.
pub(crate) struct Screen {
    json: bool,
    paint: Paint,
    /// The reader of the results has left. The work goes on, because its effects do not depend on a
    /// reader.
    closed: bool,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let coloured = forced || stdout().is_terminal();
        Self {
            json,
            paint: Paint(coloured && variable("NO_COLOR").is_none()),
            closed: false,
        }
    }

    /// Prints a result as a line, or as an object with `--json`.
    pub(crate) fn result(&mut self, object: Value, line: impl FnOnce(Paint) -> String) {
        if self.json {
            self.object(object);
        } else {
            let line = line(self.paint);
            self.write(&line);
        }
    }

    /// Prints a line that `--json` leaves out, because its facts are in other objects.
    pub(crate) fn plain(&mut self, line: impl FnOnce(Paint) -> String) {
        if !self.json {
            let line = line(self.paint);
            self.write(&line);
        }
    }

    /// Prints an object that only `--json` has.
    pub(crate) fn object(&mut self, mut object: Value) {
        if self.json {
            object["schema"] = 1.into();
            self.write(&escaped(&object.to_string()));
        }
    }

    /// Prints a remark to standard error.
    pub(crate) fn remark(&self, text: impl Display) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(stderr(), "{text}");
    }

    /// Prints the reason of an early end to standard error.
    pub(crate) fn fault(&self, message: &str) {
        self.remark(format_args!("error: {message}"));
    }

    fn write(&mut self, line: &str) {
        if self.closed {
            return;
        }
        let mut out = stdout().lock();
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            self.closed = true;
            if error.kind() != ErrorKind::BrokenPipe {
                self.remark(format_args!("error: standard output: {error}"));
            }
        }
    }
}

/// Escapes the control characters that JSON allows in a text and a terminal obeys, such as U+009B,
/// which is an escape sequence's begin in one character.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character.is_control() {
            true => escaped += &format!("\\u{:04x}", u32::from(character)),
            false => escaped.push(character),
        }
    }
    escaped
}

/// The colours of a terminal, or none.
#[derive(Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn good(self, text: impl Display) -> String {
        self.paint(32, text)
    }

    pub(crate) fn bad(self, text: impl Display) -> String {
        self.paint(31, text)
    }

    pub(crate) fn doubtful(self, text: impl Display) -> String {
        self.paint(33, text)
    }

    pub(crate) fn faint(self, text: impl Display) -> String {
        self.paint(2, text)
    }

    pub(crate) fn strong(self, text: impl Display) -> String {
        self.paint(1, text)
    }

    fn paint(self, code: u8, text: impl Display) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_the_same_without_control_characters() {
        let object = json!({"a\u{9b}2J": "\u{1b}\u{7f}\u{85}\u{9d}é"});
        let text = escaped(&object.to_string());
        assert!(!text.contains(char::is_control), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), object);
    }
}
