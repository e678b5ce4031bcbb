//! The latency at 70 % of a receiver's peak, beside bare hyper at the same rate.

use crate::bench::{Bench, all_handled};
use crate::load::{CONNECTIONS, Requests, Sent, WINDOW, closed, paced};
use crate::receiver::{BASE, Receiver, find};
use crate::report::Part;
use crate::serve::Failure;
use crate::server::Server;
use perf::machine;
use perf::statistics::{median, range};
use std::time::Duration;

/// The share of the peak.
pub(crate) const SHARE: f64 = 0.7;

/// The receivers of this part.
const NAMES: [&str; 9] = [
    "axum",
    "ours-hyper",
    "ours-hyper-sorted",
    "ours-axum",
    "ours-axum-sorted",
    "by-hand-hyper",
    "by-hand-hyper-sorted",
    "by-hand",
    "by-hand-moka",
];

pub(crate) struct Measured {
    receiver: Receiver,
    /// One for each round, as are the times.
    rates: Vec<f64>,
    own: Times,
    bare: Times,
}

/// Microseconds, one for each round.
#[derive(Default)]
struct Times {
    half: Vec<f64>,
    p99: Vec<f64>,
    /// One for each window of all rounds.
    windows: Vec<f64>,
}

impl Times {
    fn add(&mut self, sent: &Sent) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        self.half.push(micros(sent.latency.quantile(0.5)));
        self.p99.push(micros(sent.latency.quantile(0.99)));
        self.windows.extend(sent.windows.iter().copied().map(micros));
    }
}

/// More rounds than of the throughput, and shorter ones, because a machine that stops for a while
/// spoils a round.
fn rounds(bench: &Bench) -> usize {
    if bench.smoke { 1 } else { 2 * bench.rounds + 1 }
}

pub(crate) fn measure(bench: &Bench, receivers: &[Receiver]) -> Result<Vec<Measured>, Failure> {
    let base = find(BASE).ok_or("nothing to measure against")?;
    let mut all = Vec::new();
    for &receiver in receivers.iter().filter(|receiver| NAMES.contains(&receiver.name)) {
        all.push(Measured {
            receiver,
            rates: Vec::new(),
            own: Times::default(),
            bare: Times::default(),
        });
    }
    let rounds = rounds(bench);
    for round in 0..rounds {
        eprintln!("latency: round {} of {rounds}", round + 1);
        for measured in &mut all {
            // Its peak at this moment, because a shared machine is not always equally fast.
            let (server, mut requests, before) = bench.start(&measured.receiver)?;
            let warm_up = count(bench, before.rate());
            let peak = |server: &Server, requests: &mut Requests| {
                requests.fill(warm_up);
                Ok::<_, Failure>(all_handled(closed(server.address, requests)?)?.rate())
            };
            let rate = SHARE * peak(&server, &mut requests)?;
            measured.rates.push(rate);
            measured.own.add(&at_rate(bench, &server, &mut requests, rate)?);
            drop(server);
            // Warmed up as much.
            let (server, mut requests, _) = bench.start(&base)?;
            peak(&server, &mut requests)?;
            measured.bare.add(&at_rate(bench, &server, &mut requests, rate)?);
        }
    }
    Ok(all)
}

fn at_rate(bench: &Bench, server: &Server, requests: &mut Requests, rate: f64) -> Result<Sent, Failure> {
    requests.fill(count(bench, rate));
    all_handled(paced(server.address, requests, rate)?)
}

/// The number of requests that are measured at this rate.
fn count(bench: &Bench, rate: f64) -> usize {
    ((rate * bench.time.as_secs_f64() / 2.0) as usize).max(CONNECTIONS)
}

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("Latency");
    part.line(format!(
        "Measured on {} on {}. Requests are evenly spaced at {:.0} % of the peak that the receiver had just before, on \
         {CONNECTIONS} connections. Each is timed from when it was due. In µs, medians of {} interleaved rounds \
         (least–most). A shared machine stops for milliseconds at times, which is most of the p99. So the ratio is of the p99 \
         in windows of {} ms, and the table shows the median of the windows.\n",
        machine::today(),
        machine::describe(),
        100.0 * SHARE,
        rounds(bench),
        WINDOW.as_millis(),
    ));
    part.line("| receiver | requests/s | median | p99 | p99 in a window | bare hyper: median | p99 | p99 in a window | ÷ |");
    part.line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Measured {
        receiver,
        rates,
        own,
        bare,
    } in all
    {
        let with_range = |values: &[f64]| {
            let (least, most) = range(values);
            format!("{:.0} ({least:.0}–{most:.0})", median(values))
        };
        part.line(format!(
            "| {} | {:.0} | {:.0} | {} | {:.0} | {:.0} | {} | {:.0} | {:.2} |",
            receiver.label,
            median(rates),
            median(&own.half),
            with_range(&own.p99),
            median(&own.windows),
            median(&bare.half),
            with_range(&bare.p99),
            median(&bare.windows),
            median(&own.windows) / median(&bare.windows),
        ));
    }
    part
}
