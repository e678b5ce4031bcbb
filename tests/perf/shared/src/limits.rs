//! The required ratios, and whether they are met.

use std::process::ExitCode;

#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

struct Row {
    what: String,
    ratio: Result<f64, &'static str>,
    target: String,
    good: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    pub(crate) fn add(&mut self, what: String, ratio: f64, target: Target) {
        let (target, good) = match target {
            Target::AtMost(most) => (format!("≤ {most}"), ratio <= most),
            Target::AtLeast(least) => (format!("≥ {least}"), ratio >= least),
        };
        self.0.push(Row {
            what,
            ratio: Ok(ratio),
            target,
            good,
        });
    }

    /// One of which nothing is required.
    #[allow(dead_code, reason = "not every benchmark has one")]
    pub(crate) fn note(&mut self, what: String, ratio: f64) {
        self.0.push(Row {
            what,
            ratio: Ok(ratio),
            target: String::new(),
            good: true,
        });
    }

    pub(crate) fn skip(&mut self, what: String, why: &'static str) {
        self.0.push(Row {
            what,
            ratio: Err(why),
            target: String::new(),
            good: true,
        });
    }

    /// Prints it; fails if a target is missed.
    pub(crate) fn print(&self) -> ExitCode {
        println!("\n{:<48} {:>7} {:>7}", "required", "ratio", "target");
        for Row {
            what,
            ratio,
            target,
            good,
        } in &self.0
        {
            match ratio {
                Ok(ratio) => println!(
                    "{what:<48} {ratio:>7.3} {target:>7} {}",
                    match good {
                        _ if target.is_empty() => "",
                        true => "OK",
                        false => "MISSED",
                    }
                ),
                Err(why) => println!("{what:<48} SKIPPED: {why}"),
            }
        }
        let missed = self.0.iter().filter(|row| !row.good).count();
        println!("{} ratios, {missed} targets missed", self.0.len());
        if missed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
