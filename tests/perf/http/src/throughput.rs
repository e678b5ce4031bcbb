//! Requests per second and the server's time for each, at the server's peak.

use crate::bench::{Bench, all_handled};
use crate::load::{CONNECTIONS, closed};
use crate::receiver::{self, BASE, Receiver};
use crate::report::Part;
use crate::serve::Failure;
use perf::limits::Limit;
use perf::machine;
use perf::statistics::{median, range, ratios};

/// The largest number of requests in one round.
const MOST: usize = 250_000;

/// The results of a receiver, one for each round.
pub(crate) struct Measured {
    receiver: Receiver,
    /// Requests per second.
    rates: Vec<f64>,
    /// The server's time for a request, in microseconds.
    times: Vec<f64>,
    busy: Vec<f64>,
}

/// Measures all receivers round after round, each time in a new process.
pub(crate) fn measure(bench: &Bench, receivers: &[Receiver]) -> Result<Vec<Measured>, Failure> {
    let mut all: Vec<_> = receivers
        .iter()
        .map(|&receiver| Measured {
            receiver,
            rates: Vec::new(),
            times: Vec::new(),
            busy: Vec::new(),
        })
        .collect();
    for round in 0..bench.rounds {
        eprintln!("throughput: round {} of {}", round + 1, bench.rounds);
        for measured in &mut all {
            let name = measured.receiver.name;
            measured
                .round(bench)
                .map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(all)
}

impl Measured {
    fn round(&mut self, bench: &Bench) -> Result<(), Failure> {
        let (mut server, mut requests, before) = bench.start(&self.receiver)?;
        let count = (before.rate() * bench.time.as_secs_f64()) as usize;
        requests.fill(count.clamp(CONNECTIONS, MOST));
        let spent = server.time()?;
        let sent = all_handled(closed(server.address, &requests)?)?;
        let spent = server.time()? - spent;
        let (handled, responses) = (server.handled()?, before.responses + sent.responses);
        if handled != responses {
            return Err(format!("{responses} responses for {handled} handled events").into());
        }
        self.rates.push(sent.rate());
        self.times.push(spent.as_secs_f64() * 1e6 / sent.responses as f64);
        self.busy.push(sent.busy);
        Ok(())
    }
}

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("Throughput");
    let base = all.iter().find(|measured| measured.receiver.name == BASE);
    part.line(format!(
        "Measured on {} on {}. Every server is one process on one core. The load runs on another core and never sleeps: \
         {CONNECTIONS} keep-alive connections, and the reference's 921-byte example as a new event each time. Medians of {} \
         interleaved rounds (least–most). A ratio is the median of the ratios of the rounds.\n",
        machine::today(),
        machine::describe(),
        bench.rounds,
    ));
    part.line(
        "| receiver | requests/s | ÷ bare hyper | server's µs per request | ÷ bare hyper | load busy |",
    );
    part.line("| --- | ---: | ---: | ---: | ---: | ---: |");
    for measured in all {
        let ratio = |values: &[f64], base: Option<&[f64]>| {
            base.map_or(f64::NAN, |base| median(&ratios(values, base)))
        };
        let (least, most) = range(&measured.rates);
        let (least_time, most_time) = range(&measured.times);
        part.line(format!(
            "| {} | {:.0} ({least:.0}–{most:.0}) | {:.2} | {:.2} ({least_time:.2}–{most_time:.2}) | {:.2} | {:.0} % |",
            measured.receiver.label,
            median(&measured.rates),
            ratio(&measured.rates, base.map(|base| &*base.rates)),
            median(&measured.times),
            ratio(&measured.times, base.map(|base| &*base.times)),
            100.0 * median(&measured.busy),
        ));
    }
    limits(all, &mut part);
    part
}

/// A receiver that is faster than another one is compared by what each takes beyond a bare server.
/// With the bare server's time in both, a ratio below 1 would say how fast the network is.
fn limits(all: &[Measured], part: &mut Part) {
    let find = |name: &str| all.iter().find(|measured| measured.receiver.name == name);
    let ratio = |ones: &[f64], others: &[f64]| Some(median(&ratios(ones, others)));
    let time = |one: &str, other: &str| ratio(&find(one)?.times, &find(other)?.times);
    let rate = |one: &str, other: &str| ratio(&find(one)?.rates, &find(other)?.rates);
    let beyond = |name: &str, bare: &str| {
        let times = find(name)?.times.iter().zip(&find(bare)?.times);
        Some(times.map(|(own, bare)| own - bare).collect::<Vec<_>>())
    };
    let label = |name: &str| receiver::find(name).map_or(String::new(), |receiver| receiver.plain());
    for (one, other, most) in [
        ("ours-hyper", "by-hand-hyper", 1.15),
        ("ours-axum", "by-hand", 1.1),
    ] {
        let subject = format!("server's time: {} ÷ {}", label(one), label(other));
        part.limits.check(subject, time(one, other), Limit::AtMost(most));
    }
    for (one, other, bare, most) in [
        ("ours-hyper-sorted", "by-hand-hyper-sorted", BASE, 0.8),
        ("ours-axum", "svix", "axum", 0.65),
        ("ours-axum", "octokit", BASE, 0.25),
    ] {
        let subject = format!(
            "server's time beyond bare {bare}: {} ÷ {}",
            label(one),
            label(other)
        );
        let measured = beyond(one, bare).zip(beyond(other, bare));
        let measured = measured.and_then(|(ones, others)| ratio(&ones, &others));
        part.limits.check(subject, measured, Limit::AtMost(most));
    }
    let (one, other) = ("ours-axum", "by-hand");
    let subject = format!("requests/s: {} ÷ {}", label(one), label(other));
    part.limits.check(subject, rate(one, other), Limit::AtLeast(0.9));
}
