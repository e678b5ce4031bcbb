//! How long an answer takes at 70 % of the load that a server can just bear, beside bare hyper at the same rate.

use crate::bench::{Bench, all_handled};
use crate::load::{CONNECTIONS, Sent, WINDOW, closed, paced};
use crate::machine;
use crate::report::{Limit, Part};
use crate::serve::Failure;
use crate::statistics::{median, range};
use crate::subject::{BASE, Subject, find};
use std::time::Duration;

/// Of its peak.
pub(crate) const SHARE: f64 = 0.7;
/// How often the peak is measured before.
const PEAKS: usize = 3;

/// Those of which it is asked.
const NAMES: [&str; 7] = [
    "axum",
    "ours-hyper",
    "ours-hyper-sorted",
    "ours-axum",
    "ours-axum-sorted",
    "by-hand",
    "by-hand-moka",
];

pub(crate) struct Measured {
    subject: Subject,
    rate: f64,
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
        let peaks: Result<Vec<f64>, _> = (0..PEAKS).map(|_| peak(bench, &subject)).collect();
        all.push(Measured {
            subject,
            rate: SHARE * median(&peaks?),
            own: Times::default(),
            bare: Times::default(),
        });
    }
    let rounds = rounds(bench);
    for round in 0..rounds {
        eprintln!("latency: round {} of {rounds}", round + 1);
        for measured in &mut all {
            measured
                .own
                .add(&at_rate(bench, &measured.subject, measured.rate)?);
            measured.bare.add(&at_rate(bench, &base, measured.rate)?);
        }
    }
    Ok(all)
}

/// Requests a second that it just bears.
fn peak(bench: &Bench, subject: &Subject) -> Result<f64, Failure> {
    let (server, mut pool, before) = bench.start(subject)?;
    pool.fill(((before.rate() * bench.time.as_secs_f64()) as usize).max(CONNECTIONS));
    Ok(all_handled(closed(server.address, &pool)?)?.rate())
}

fn at_rate(bench: &Bench, subject: &Subject, rate: f64) -> Result<Sent, Failure> {
    let (server, mut pool, _) = bench.start(subject)?;
    pool.fill(((rate * bench.time.as_secs_f64() / 2.0) as usize).max(CONNECTIONS));
    all_handled(paced(server.address, &pool, rate)?)
}

pub(crate) fn report(bench: &Bench, all: &[Measured]) -> Part {
    let mut part = Part::new("latency");
    part.line(format!(
        "Measured on {} on the same machine: requests evenly spaced at {:.0} % of the receiver's peak, on {CONNECTIONS} \
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
    for Measured {
        subject,
        rate,
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
            "| {} | {rate:.0} | {:.0} | {} | {:.0} | {:.0} | {} | {:.0} | {ratio:.2} |",
            subject.label,
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
        }
    }
    part
}
