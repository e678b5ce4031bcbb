//! How long an answer takes at 70 % of the load that a server can just bear, beside bare hyper at the same rate.

use crate::bench::{Bench, all_handled};
use crate::load::{CONNECTIONS, Pool, Sent, WINDOW, closed, paced};
use crate::machine;
use crate::report::{Limit, Part};
use crate::serve::Failure;
use crate::server::Server;
use crate::statistics::{median, range};
use crate::subject::{BASE, Subject, find};
use std::time::Duration;

/// Of its peak.
pub(crate) const SHARE: f64 = 0.7;

/// Those of which it is asked.
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
    subject: Subject,
    /// Round by round, as are the times.
    rates: Vec<f64>,
    own: Times,
    bare: Times,
}

/// Microseconds, round by round.
#[derive(Default)]
struct Times {
    half: Vec<f64>,
    p99: Vec<f64>,
    /// Of all windows of all rounds.
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

/// A machine that stops for a while spoils a round: more of them, and shorter ones.
fn rounds(bench: &Bench) -> usize {
    if bench.smoke { 1 } else { 2 * bench.rounds + 1 }
}

pub(crate) fn measure(bench: &Bench, subjects: &[Subject]) -> Result<Vec<Measured>, Failure> {
    let base = find(BASE).ok_or("nothing to measure against")?;
    let mut all = Vec::new();
    for &subject in subjects.iter().filter(|subject| NAMES.contains(&subject.name)) {
        all.push(Measured {
            subject,
            rates: Vec::new(),
            own: Times::default(),
            bare: Times::default(),
        });
    }
    let rounds = rounds(bench);
    for round in 0..rounds {
        eprintln!("latency: round {} of {rounds}", round + 1);
        for measured in &mut all {
            // Its peak of just now, as a shared machine is not always equally fast.
            let (server, mut pool, before) = bench.start(&measured.subject)?;
            let warm_up = count(bench, before.rate());
            let peak = |server: &Server, pool: &mut Pool| {
                pool.fill(warm_up);
                Ok::<_, Failure>(all_handled(closed(server.address, pool)?)?.rate())
            };
            let rate = SHARE * peak(&server, &mut pool)?;
            measured.rates.push(rate);
            measured.own.add(&at_rate(bench, &server, &mut pool, rate)?);
            drop(server);
            // As warm.
            let (server, mut pool, _) = bench.start(&base)?;
            peak(&server, &mut pool)?;
            measured.bare.add(&at_rate(bench, &server, &mut pool, rate)?);
        }
    }
    Ok(all)
}

fn at_rate(bench: &Bench, server: &Server, pool: &mut Pool, rate: f64) -> Result<Sent, Failure> {
    pool.fill(count(bench, rate));
    all_handled(paced(server.address, pool, rate)?)
}

/// How many requests are measured at so many a second.
fn count(bench: &Bench, rate: f64) -> usize {
    ((rate * bench.time.as_secs_f64() / 2.0) as usize).max(CONNECTIONS)
}

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("latency");
    part.line(format!(
        "Measured on {} on the same machine: requests evenly spaced at {:.0} % of the receiver's peak of just before, on {CONNECTIONS} \
         connections, each timed from when it was due. In µs, medians of {} interleaved rounds (least–most). A shared \
         machine stops for milliseconds at times, which is most of the p99; so it is compared in windows of {} ms, of which the \
         median is shown.\n",
        machine::today(),
        100.0 * SHARE,
        rounds(bench),
        WINDOW.as_millis(),
    ));
    part.line("| receiver | requests/s | median | p99 | p99 in a window | bare hyper: median | p99 | p99 in a window | ÷ |");
    part.line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut others = Vec::new();
    for Measured {
        subject,
        rates,
        own,
        bare,
    } in all
    {
        let with_range = |values: &[f64]| {
            let (least, most) = range(values);
            format!("{:.0} ({least:.0}–{most:.0})", median(values))
        };
        let ratio = median(&own.windows) / median(&bare.windows);
        part.line(format!(
            "| {} | {:.0} | {:.0} | {} | {:.0} | {:.0} | {} | {:.0} | {ratio:.2} |",
            subject.label,
            median(rates),
            median(&own.half),
            with_range(&own.p99),
            median(&own.windows),
            median(&bare.half),
            with_range(&bare.p99),
            median(&bare.windows),
        ));
        if subject.name.starts_with("ours") {
            let what = format!(
                "p99 at {:.0} % of the peak: {} ÷ bare hyper",
                100.0 * SHARE,
                subject.plain()
            );
            part.target(
                what,
                Some(ratio).filter(|ratio| ratio.is_finite()),
                Limit::AtMost(2.0),
            );
        } else {
            others.push(format!(
                "- for comparison, p99 ÷ bare hyper's: {}: {ratio:.2}",
                subject.plain()
            ));
        }
    }
    part.line("");
    for other in others {
        part.line(other);
    }
    part
}
