//! How long an answer takes at 70 % of the load that a server can just bear, beside bare hyper at the same rate.

use crate::load::{CONNECTIONS, Pool, Sent, closed, paced};
use crate::machine;
use crate::report::{Limit, Part};
use crate::serve::Failure;
use crate::server::{Processors, Server};
use crate::statistics::{median, range, ratios};
use crate::subject::{BASE, Subject, find};
use std::path::Path;
use std::time::Duration;

/// Of its peak.
pub(crate) const SHARE: f64 = 0.7;
const WARM_UP: usize = 5_000;
/// How often the peak is measured before.
const PEAKS: usize = 3;

/// Those of which it is asked.
const NAMES: [&str; 6] = [
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
    most: Vec<f64>,
}

impl Times {
    fn add(&mut self, sent: &Sent) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        self.half.push(micros(sent.latency.quantile(0.5)));
        self.p99.push(micros(sent.latency.quantile(0.99)));
        self.most.push(micros(sent.latency.most()));
    }
}

struct Bench<'a> {
    scripts: &'a Path,
    processors: Processors,
    time: Duration,
}

pub(crate) fn measure(
    subjects: &[Subject],
    scripts: &Path,
    processors: Processors,
    rounds: usize,
    time: Duration,
) -> Result<Vec<Measured>, Failure> {
    let bench = Bench {
        scripts,
        processors,
        time,
    };
    let base = find(BASE).ok_or("nothing to measure against")?;
    let mut all = Vec::new();
    for &subject in subjects.iter().filter(|subject| NAMES.contains(&subject.name)) {
        let peaks: Result<Vec<f64>, _> = (0..PEAKS.min(rounds)).map(|_| bench.peak(&subject)).collect();
        all.push(Measured {
            subject,
            rate: SHARE * median(&peaks?),
            own: Times::default(),
            bare: Times::default(),
        });
    }
    for round in 0..rounds {
        eprintln!("latency: round {} of {rounds}", round + 1);
        for measured in &mut all {
            measured.own.add(&bench.paced(&measured.subject, measured.rate)?);
            measured.bare.add(&bench.paced(&base, measured.rate)?);
        }
    }
    Ok(all)
}

impl Bench<'_> {
    /// A server that has warmed up.
    fn start(&self, subject: &Subject) -> Result<(Server, Pool), Failure> {
        let server = Server::start(subject, self.scripts, self.processors)?;
        let mut pool = Pool::new(subject.scheme);
        pool.fill(WARM_UP);
        all_handled(closed(server.address, &pool)?)?;
        Ok((server, pool))
    }

    fn peak(&self, subject: &Subject) -> Result<f64, Failure> {
        let (server, mut pool) = self.start(subject)?;
        pool.fill((50_000.0 * self.time.as_secs_f64()) as usize);
        Ok(all_handled(closed(server.address, &pool)?)?.rate())
    }

    fn paced(&self, subject: &Subject, rate: f64) -> Result<Sent, Failure> {
        let (server, mut pool) = self.start(subject)?;
        pool.fill((rate * self.time.as_secs_f64()) as usize);
        all_handled(paced(server.address, &pool, rate)?)
    }
}

fn all_handled(sent: Sent) -> Result<Sent, Failure> {
    match &sent.refusal {
        Some(refusal) => {
            Err(format!("{} requests were not answered 200, but {refusal}", sent.refused).into())
        }
        None => Ok(sent),
    }
}

pub(crate) fn report(all: &[Measured], rounds: usize) -> Part {
    let mut part = Part::new("latency");
    part.line(format!(
        "Measured on {} on the same machine: requests evenly spaced at {:.0} % of the receiver's peak, on {CONNECTIONS} \
         connections, each timed from when it was due. Medians of {rounds} interleaved rounds (least–most), in µs.\n",
        machine::today(),
        100.0 * SHARE,
    ));
    part.line(
        "| receiver | requests/s | median | p99 | most | bare hyper's median | its p99 | p99 ÷ its p99 |",
    );
    part.line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
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
        part.line(format!(
            "| {} | {rate:.0} | {:.0} | {} | {:.0} | {:.0} | {} | {:.2} |",
            subject.label,
            median(&own.half),
            with_range(&own.p99),
            median(&own.most),
            median(&bare.half),
            with_range(&bare.p99),
            median(&ratios(&own.p99, &bare.p99)),
        ));
        if subject.name.starts_with("ours") {
            let what = format!(
                "p99 at {:.0} % of the peak: {} ÷ bare hyper",
                100.0 * SHARE,
                subject.plain()
            );
            part.target(
                what,
                Some(median(&ratios(&own.p99, &bare.p99))),
                Limit::AtMost(2.0),
            );
        }
    }
    part
}
