//! The limits of a benchmark, and the check of them.

use crate::options::Options;
use std::process::ExitCode;

/// A bound of a measured number.
#[derive(Clone, Copy)]
pub enum Limit {
    /// The largest allowed number.
    AtMost(f64),
    /// The smallest allowed number.
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

/// The limits of one run.
#[derive(Default)]
pub struct Limits(Vec<Row>);

struct Row {
    subject: String,
    measured: Option<f64>,
    limit: Limit,
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.measured {
            None => "skipped",
            Some(measured) if self.limit.holds(measured) => "holds",
            Some(_) => "**missed**",
        }
    }
}

impl Limits {
    /// Adds a limit and the number that it bounds. `None` means that the number was not measured.
    pub fn check(&mut self, subject: impl Into<String>, measured: impl Into<Option<f64>>, limit: Limit) {
        self.0.push(Row {
            subject: subject.into(),
            measured: measured.into(),
            limit,
        });
    }

    /// Prints the limits as a table. Returns how many were missed.
    pub fn print(&self) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let cells = self.0.iter().map(|row| {
            let measured = row
                .measured
                .map_or(String::new(), |number| format!("{number:.3}"));
            [
                row.subject.clone(),
                row.limit.text(),
                measured,
                row.verdict().to_owned(),
            ]
        });
        let cells: Vec<_> = cells.collect();
        let widest = cells.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
        println!("\n| {:<widest$} | limit   | measured |            |", "ratio");
        println!("| {:-<widest$} | ------- | -------: | ---------- |", "");
        for [subject, limit, measured, verdict] in &cells {
            println!("| {subject:<widest$} | {limit:<7} | {measured:>8} | {verdict:<10} |");
        }
        self.0.iter().filter(|row| row.verdict() == "**missed**").count()
    }

    /// Prints the limits, unless the run was too short to measure. Returns the exit code of the
    /// program.
    pub fn conclude(&self, options: &Options) -> ExitCode {
        if options.smoke || self.print() == 0 || !options.check {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_up_to_its_bound() {
        let mut limits = Limits::default();
        for (measured, limit, verdict) in [
            (Some(1.0), Limit::AtMost(1.0), "holds"),
            (Some(1.01), Limit::AtMost(1.0), "**missed**"),
            (Some(1.0), Limit::AtLeast(1.0), "holds"),
            (Some(0.99), Limit::AtLeast(1.0), "**missed**"),
            (Some(f64::NAN), Limit::AtLeast(1.0), "**missed**"),
            (None, Limit::AtLeast(1.0), "skipped"),
        ] {
            limits.check("a ratio", measured, limit);
            assert_eq!(limits.0.last().map(Row::verdict), Some(verdict));
        }
        assert_eq!(limits.print(), 3);
    }
}
