//! Measures claims and finishes per second of every store, with one task and with 64, beside code
//! by hand.
//!
//! Words on the command line select stores.

mod memory;
mod postgres;
mod redis;
mod sqlite;
mod subject;

use perf::limits::{Limit, Limits};
use perf::machine;
use perf::options::Options;
use std::process::ExitCode;
use subject::{Subject, TASKS};

/// A run of the benchmark.
struct Bench {
    /// Rounds of each measurement.
    rounds: u64,
    /// Divides the number of events of a measurement.
    share: u64,
    limits: Limits,
}

impl Bench {
    /// Measures these round after round, and prints their medians.
    async fn measure(&self, subjects: &mut [Subject]) {
        for round in 0..self.rounds {
            for subject in &mut *subjects {
                subject.round(round, self.share).await;
            }
        }
        for subject in subjects {
            let [one, many] = [0, 1].map(|tasks| subject.rate(tasks));
            println!("| {} | {one:.0} | {many:.0} |", subject.name);
        }
    }

    /// Checks the rate of one subject against another with each number of tasks.
    fn check(&mut self, one: &Subject, other: &Subject, least: [f64; 2]) {
        for (at, tasks) in TASKS.into_iter().enumerate() {
            let subject = format!("{} ÷ {}, {}", one.name, other.name, count(tasks));
            let limit = Limit::AtLeast(least[at]);
            self.limits.check(subject, one.ratio(other, at), limit);
        }
    }
}

fn count(tasks: u64) -> String {
    format!("{tasks} task{}", if tasks == 1 { "" } else { "s" })
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::from_env();
    let (rounds, share) = if options.smoke { (1, 100) } else { (9, 1) };
    let mut bench = Bench {
        rounds,
        share,
        limits: Limits::default(),
    };
    println!("{}\n", machine::describe());
    println!("Events per second, each a claim and a finish.\n");
    println!("| store | 1 task | 64 tasks |\n| --- | ---: | ---: |");
    // First, because the memory that others have freed would hide a part of what it takes.
    if options.selects("memory") {
        memory::measure(&mut bench).await;
    }
    if options.selects("sqlite") {
        sqlite::measure(&mut bench).await;
    }
    if options.selects("postgres") {
        postgres::measure(&mut bench).await;
    }
    if options.selects("redis") {
        redis::measure(&mut bench).await;
    }
    bench.limits.conclude(&options)
}
