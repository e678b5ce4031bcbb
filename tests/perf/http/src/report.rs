//! What is printed, kept, and shown in the README.

use crate::serve::Failure;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The parts that the README shows, in its order.
const SHOWN: [&str; 3] = ["throughput", "latency", "memory"];
const BEGIN: &str = "<!-- bench-http -->\n";
const END: &str = "<!-- /bench-http -->\n";

pub(crate) struct Report {
    folder: PathBuf,
    missed: usize,
}

/// One part: a table, and what is required of it.
pub(crate) struct Part {
    name: &'static str,
    text: String,
    targets: Vec<Target>,
}

struct Target {
    what: String,
    measured: Option<f64>,
    limit: Limit,
}

#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn holds(self, measured: f64) -> bool {
        match self {
            Limit::AtMost(most) => measured <= most,
            Limit::AtLeast(least) => measured >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Limit::AtMost(most) => format!("≤ {most}"),
            Limit::AtLeast(least) => format!("≥ {least}"),
        }
    }
}

impl Part {
    pub(crate) fn new(name: &'static str) -> Self {
        Part {
            name,
            text: String::new(),
            targets: Vec::new(),
        }
    }

    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// What is required; nothing was measured if it was skipped.
    pub(crate) fn target(&mut self, what: impl Into<String>, measured: Option<f64>, limit: Limit) {
        self.targets.push(Target {
            what: what.into(),
            measured,
            limit,
        });
    }
}

impl Report {
    pub(crate) fn new(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Report { folder, missed: 0 })
    }

    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    /// Prints a part and what is required of it, and keeps the part.
    pub(crate) fn add(&mut self, part: Part) -> io::Result<()> {
        println!("\n{}", part.text);
        if !part.targets.is_empty() {
            println!("| required | target | measured | |\n| --- | --- | ---: | --- |");
        }
        for Target {
            what,
            measured,
            limit,
        } in &part.targets
        {
            let holds = match measured {
                Some(measured) if limit.holds(*measured) => "holds",
                Some(_) => {
                    self.missed += 1;
                    "**missed**"
                }
                None => "skipped",
            };
            let measured = measured.map_or(String::new(), |measured| format!("{measured:.3}"));
            println!("| {what} | {} | {measured} | {holds} |", limit.text());
        }
        fs::write(self.folder.join(part.name).with_extension("md"), part.text)
    }

    /// All parts that were ever measured, as one text.
    fn text(&self) -> String {
        let parts = SHOWN.iter().filter_map(|part| {
            let text = fs::read_to_string(self.folder.join(part).with_extension("md")).ok()?;
            Some(format!("{text}\n"))
        });
        parts.collect()
    }

    /// Writes the tables beside the parts, and between the README's marks if that is wanted.
    pub(crate) fn write(&self, readme: Option<&Path>) -> Result<PathBuf, Failure> {
        let file = self.folder.join("report.md");
        fs::write(&file, self.text())?;
        if let Some(readme) = readme {
            let text = fs::read_to_string(readme)?;
            fs::write(readme, between_marks(&text, &self.text())?)?;
        }
        Ok(file)
    }
}

fn between_marks(text: &str, new: &str) -> Result<String, Failure> {
    let begin = text.find(BEGIN).ok_or("the README has no mark")? + BEGIN.len();
    let end = begin + text[begin..].find(END).ok_or("the README has no second mark")?;
    Ok(format!("{}\n{new}{}", &text[..begin], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("one\n{BEGIN}old\n{END}two\n");
        assert_eq!(
            between_marks(&text, "new\n\n").unwrap(),
            format!("one\n{BEGIN}\nnew\n\n{END}two\n")
        );
        assert!(between_marks("one", "new").is_err());
        assert!(between_marks(BEGIN, "new").is_err());
    }
}
