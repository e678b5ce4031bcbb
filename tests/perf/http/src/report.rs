//! Tables that are printed and written to `RESULTS.md`.

use crate::serve::Failure;
use perf::limits::Limits;
use std::fs;
use std::path::Path;

/// One part: a text with a table, and its limits.
pub(crate) struct Part {
    heading: &'static str,
    text: String,
    pub(crate) limits: Limits,
}

impl Part {
    pub(crate) fn new(heading: &'static str) -> Self {
        Self {
            heading,
            text: String::new(),
            limits: Limits::default(),
        }
    }

    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }
}

/// The parts of a run.
pub(crate) struct Report {
    parts: Vec<Part>,
    /// Prints no limits, because nothing was measured.
    smoke: bool,
    missed: usize,
}

impl Report {
    pub(crate) fn new(smoke: bool) -> Self {
        Self {
            parts: Vec::new(),
            smoke,
            missed: 0,
        }
    }

    /// The number of missed limits.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    /// Prints a part and its limits.
    pub(crate) fn add(&mut self, part: Part) {
        println!("\n{}", part.text);
        if !self.smoke {
            self.missed += part.limits.print();
        }
        self.parts.push(part);
    }

    /// Replaces the sections of these parts in a file.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let mut text = fs::read_to_string(file)?;
        for part in &self.parts {
            text = replaced(&text, part.heading, &part.text);
        }
        Ok(fs::write(file, text)?)
    }
}

/// Replaces the section with this heading, or appends it.
fn replaced(text: &str, heading: &str, section: &str) -> String {
    let heading = format!("\n## {heading}\n");
    let (before, rest) = text.split_once(&heading).unwrap_or((text, ""));
    let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
    format!("{before}{heading}\n{section}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_section_is_replaced() {
        let text = "# Results\n\n## One\n\n1\n\n## Two\n\n2\n";
        assert_eq!(
            replaced(text, "One", "new\n"),
            "# Results\n\n## One\n\nnew\n\n## Two\n\n2\n"
        );
        assert_eq!(
            replaced(text, "Two", "new\n"),
            "# Results\n\n## One\n\n1\n\n## Two\n\nnew\n"
        );
        assert_eq!(replaced(text, "Three", "3\n"), format!("{text}\n## Three\n\n3\n"));
    }
}
