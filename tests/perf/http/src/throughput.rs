//! Requests a second, and the server's time for each, at the load that it can just bear.

use crate::bench::{Bench, all_handled};
use crate::load::{CONNECTIONS, closed};
use crate::machine;
use crate::report::{Limit, Part};
use crate::serve::Failure;
use crate::statistics::{median, range, ratios};
use crate::subject::{BASE, Subject};

/// At most so many requests are measured in one round.
const MOST: usize = 250_000;

/// What a subject did, round by round.
pub(crate) struct Measured {
    subject: Subject,
    rates: Vec<f64>,
    /// Of the server's time, microseconds a request.
    times: Vec<f64>,
    busy: Vec<f64>,
}

/// Measures all subjects in turn, round after round, each time in a new process.
pub(crate) fn measure(bench: &Bench, subjects: &[Subject]) -> Result<Vec<Measured>, Failure> {
    let mut all: Vec<_> = subjects
        .iter()
        .map(|&subject| Measured {
            subject,
            rates: Vec::new(),
            times: Vec::new(),
            busy: Vec::new(),
        })
        .collect();
    for round in 0..bench.rounds {
        eprintln!("throughput: round {} of {}", round + 1, bench.rounds);
        for measured in &mut all {
            let name = measured.subject.name;
            measured
                .round(bench)
                .map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(all)
}

impl Measured {
    fn round(&mut self, bench: &Bench) -> Result<(), Failure> {
        let (mut server, mut pool, before) = bench.start(&self.subject)?;
        let count = (before.rate() * bench.time.as_secs_f64()) as usize;
        pool.fill(count.clamp(CONNECTIONS, MOST));
        let spent = server.time()?;
        let sent = all_handled(closed(server.address, &pool)?)?;
        let spent = server.time()? - spent;
        let (handled, answered) = (server.handled()?, before.answered + sent.answered);
        if handled != answered {
            return Err(format!("{answered} requests were answered, and {handled} handled").into());
        }
        self.rates.push(sent.rate());
        self.times.push(spent.as_secs_f64() * 1e6 / sent.answered as f64);
        self.busy.push(sent.busy);
        Ok(())
    }
}

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("throughput");
    let base = all.iter().find(|measured| measured.subject.name == BASE);
    part.line(format!(
        "Measured on {}: {}. Every server is one process on one core, the load, which never sleeps, on another: {CONNECTIONS} \
         connections, keep-alive, the reference's 921-byte example as events of their own. Medians of {} interleaved rounds \
         (least–most); ratios are the medians of the rounds' own.\n",
        machine::today(),
        machine::describe(),
        bench.rounds,
    ));
    part.line("| receiver | requests/s | ÷ bare hyper | server's µs a request | ÷ bare hyper | load busy |");
    part.line("| --- | ---: | ---: | ---: | ---: | ---: |");
    for measured in all {
        let ratio = |values: &[f64], base: Option<&[f64]>| {
            base.map_or(f64::NAN, |base| median(&ratios(values, base)))
        };
        let (least, most) = range(&measured.rates);
        let (least_time, most_time) = range(&measured.times);
        part.line(format!(
            "| {} | {:.0} ({least:.0}–{most:.0}) | {:.2} | {:.2} ({least_time:.2}–{most_time:.2}) | {:.2} | {:.0} % |",
            measured.subject.label,
            median(&measured.rates),
            ratio(&measured.rates, base.map(|base| &*base.rates)),
            median(&measured.times),
            ratio(&measured.times, base.map(|base| &*base.times)),
            100.0 * median(&measured.busy),
        ));
    }
    targets(all, &mut part);
    part
}

fn targets(all: &[Measured], part: &mut Part) {
    let find = |name: &str| all.iter().find(|measured| measured.subject.name == name);
    let time = |one: &str, other: &str| Some(median(&ratios(&find(one)?.times, &find(other)?.times)));
    let rate = |one: &str, other: &str| Some(median(&ratios(&find(one)?.rates, &find(other)?.rates)));
    let name = |name: &str| crate::subject::find(name).map_or(String::new(), |subject| subject.plain());
    for (one, other, most) in [
        ("ours-hyper", "hyper", 1.4),
        ("ours-hyper-sorted", "hyper", 1.55),
        ("ours-axum", "ours-hyper", 1.15),
        ("ours-axum-sorted", "ours-hyper-sorted", 1.15),
        ("ours-hyper", "by-hand", 1.0),
        ("ours-axum", "by-hand", 1.0),
        ("ours-axum", "svix", 0.5),
        ("ours-axum", "octokit", 0.25),
    ] {
        let what = format!("server's time: {} ÷ {}", name(one), name(other));
        part.target(what, time(one, other), Limit::AtMost(most));
    }
    for (one, other, least) in [
        ("ours-hyper", "hyper", 0.72),
        ("ours-hyper", "by-hand", 1.0),
        ("ours-axum", "by-hand", 1.0),
    ] {
        let what = format!("requests/s: {} ÷ {}", name(one), name(other));
        part.target(what, rate(one, other), Limit::AtLeast(least));
    }
    // The same ratios of what is no framework's: what it costs to verify, parse and remember as one writes it, and axum itself.
    part.line("");
    for (one, other) in [
        ("by-hand-hyper", "hyper"),
        ("by-hand-hyper-sorted", "hyper"),
        ("axum", "hyper"),
        ("by-hand", "by-hand-hyper"),
        ("axum", "svix"),
    ] {
        if let (Some(time), Some(rate)) = (time(one, other), rate(one, other)) {
            let (one, other) = (name(one), name(other));
            part.line(format!(
                "- for comparison: {one} ÷ {other}: {time:.2} in server's time, {rate:.2} in requests/s"
            ));
        }
    }
}
