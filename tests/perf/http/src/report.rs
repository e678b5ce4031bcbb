//! Tables that are printed, kept, and written to `RESULTS.md`.

use crate::serve::Failure;
use perf::limits::Limits;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The parts in `RESULTS.md`, in its order, with their headings.
const SHOWN: [(&str, &str); 3] = [
    ("throughput", "Throughput"),
    ("latency", "Latency"),
    ("memory", "Memory"),
];

const HEAD: &str = "# Results

A delivery over HTTP on loopback, beside other receivers. Take the ratios, because times depend on the machine.
Written by `tests/perf/run http --results`. README.md in this folder has the limits.
";

pub(crate) struct Report {
    folder: PathBuf,
    /// Prints no limits, because nothing was measured.
    smoke: bool,
    missed: usize,
}

/// One part: a text with a table, and its limits.
pub(crate) struct Part {
    name: &'static str,
    text: String,
    pub(crate) limits: Limits,
}

impl Part {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            text: String::new(),
            limits: Limits::default(),
        }
    }

    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }
}

impl Report {
    /// Keeps the parts in this folder, so that a later run of one part can be shown with the
    /// others.
    pub(crate) fn new(folder: PathBuf, smoke: bool) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            smoke,
            missed: 0,
        })
    }

    /// The number of missed limits.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    /// Prints a part and its limits, and keeps it.
    pub(crate) fn add(&mut self, part: &Part) -> io::Result<()> {
        println!("\n{}", part.text);
        if !self.smoke {
            self.missed += part.limits.print();
        }
        fs::write(self.file(part.name), &part.text)
    }

    /// Writes all parts that were ever measured.
    pub(crate) fn write(&self, to: &Path) -> Result<(), Failure> {
        let mut text = HEAD.to_owned();
        for (name, heading) in SHOWN {
            if let Ok(part) = fs::read_to_string(self.file(name)) {
                text += &format!("\n## {heading}\n\n{part}");
            }
        }
        Ok(fs::write(to, text)?)
    }

    fn file(&self, part: &str) -> PathBuf {
        self.folder.join(part).with_extension("md")
    }
}
