//! A long run at a steady rate with duplicates and failing handlers. No event may be lost or
//! handled twice.

mod behavior;
mod checker;
mod ledger;
mod sender;

pub(crate) use behavior::Behavior;
pub(crate) use ledger::Ledger;

use crate::latency::SHARE;
use crate::load::{CONNECTIONS, Requests, closed};
use crate::processors::Processors;
use crate::report::Part;
use crate::request::Scheme;
use crate::serve::Failure;
use crate::server::Server;
use checker::{Faults, check};
use ledger::Handled;
use perf::limits::Limit;
use perf::machine;
use perf::statistics::{range, slope};
use sender::{Plan, Sent, send};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The shortest time in seconds that an event is remembered. Duplicates come after two seconds,
/// retries after one.
const SPAN: f64 = 6.0;
/// The share of the time that an event is remembered. Until then memory grows without a leak.
const REMEMBERED_FOR: f64 = 0.1;
/// The peak is measured for this many times as long, because to evict events is a part of the work.
/// It takes half the soak at the most, and its last third counts.
const PEAK_FOR: f64 = 3.0;
/// The events of the first estimate of the peak, and a rate above every peak.
const WARM_UP: u64 = 5_000;
const FASTEST: f64 = 100_000.0;
/// A shorter soak shows nothing about memory.
const SHORTEST: Duration = Duration::from_secs(120);
/// Times are kept in microseconds in 32 bits.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// The allowed growth of resident memory over the second half, as a share of it. It varies by as
/// much without a leak.
const GROWTH: f64 = 0.01;

pub(crate) struct Soaked {
    store: String,
    peak: f64,
    rate: f64,
    remembers: String,
    sent: Sent,
    /// The times of all answers by the server's own clock. They tell a slow receiver from a machine
    /// that stood still.
    server_times: String,
    faults: Faults,
}

pub(crate) struct Soak<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) processors: Processors,
    pub(crate) time: Duration,
    pub(crate) rate: Option<f64>,
}

impl Soak<'_> {
    pub(crate) fn run(&self, store: &str) -> Result<Soaked, Failure> {
        if self.time > LONGEST {
            return Err("a soak takes an hour at the most".into());
        }
        let folder = self.folder.join(format!("soak-{store}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let soaked = self.run_in(store, &folder);
        fs::remove_dir_all(&folder)?;
        soaked
    }

    fn run_in(&self, store: &str, folder: &Path) -> Result<Soaked, Failure> {
        let seconds = self.time.as_secs_f64();
        let span = (REMEMBERED_FOR * seconds).clamp(SPAN, 60.0);
        let remembers = |rate: f64| match store {
            "memory" => format!("{:.0} events", rate * span),
            _ => format!("{span:.0} s"),
        };
        let peak = self.peak(store, folder, (PEAK_FOR * span).min(seconds / 2.0), &remembers)?;
        let rate = self.rate.unwrap_or(SHARE * peak);
        let remembers = remembers(rate);
        eprintln!("soak: {store} at {rate:.0}/s for {seconds:.0} s");
        let most = (rate * seconds) as u64 + 1;
        let start = machine::monotonic();
        let mut server = self.start(store, &folder.join("soak"), &remembers, most, start)?;
        let plan = Plan {
            rate,
            time: self.time,
            most,
            start,
        };
        let sent = send(&server, &plan)?;
        let server_times = server.ask("times")?;
        let file = folder.join("ledger");
        let written = server.ask(&format!("write {}", file.display()))?;
        if written != "written" {
            return Err(format!("the ledger: {written}").into());
        }
        let durable = store != "memory";
        let faults = check(&Handled::read(&file)?, &sent.acknowledged, sent.events, durable);
        Ok(Soaked {
            store: store.to_owned(),
            peak,
            rate,
            remembers,
            sent,
            server_times,
            faults,
        })
    }

    /// The peak in deliveries per second, of the same kinds of events.
    fn peak(
        &self,
        store: &str,
        folder: &Path,
        seconds: f64,
        remembers: &dyn Fn(f64) -> String,
    ) -> Result<f64, Failure> {
        let start = |name: &str, remembers: &str, most| {
            self.start(store, &folder.join(name), remembers, most, machine::monotonic())
        };
        let server = start("try", &remembers(FASTEST), WARM_UP)?;
        let mut requests = Requests::new(Scheme::Sorted);
        requests.fill(WARM_UP as usize);
        let rate = closed(server.address, &requests)?.rate();
        drop(server);
        let most = (FASTEST * seconds) as u64;
        let plan = Plan {
            rate: f64::INFINITY,
            time: Duration::from_secs_f64(seconds),
            most,
            start: machine::monotonic(),
        };
        let sent = send(&start("peak", &remembers(rate), most)?, &plan)?;
        let last_third = &sent.samples[sent.samples.len() * 2 / 3..];
        match (last_third.first(), last_third.last()) {
            (Some(first), Some(last)) if last.seconds > first.seconds => {
                Ok((last.deliveries - first.deliveries) as f64 / (last.seconds - first.seconds))
            }
            _ => Err("the soak is too short to find the peak".into()),
        }
    }

    fn start(
        &self,
        store: &str,
        folder: &Path,
        remembers: &str,
        events: u64,
        start: Duration,
    ) -> Result<Server, Failure> {
        fs::create_dir_all(folder)?;
        let remembers = remembers.split(' ').next().unwrap_or_default();
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "soak", store]).arg(folder);
        command.args([
            remembers,
            &(events + 1).to_string(),
            &start.as_nanos().to_string(),
        ]);
        Server::spawn(command, self.processors)
    }
}

impl Soaked {
    /// The number of faulty events and of unexpected or missing responses.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.total() + self.sent.unanswered + self.sent.responses.other
    }

    /// The growth of memory over the second half: KB per minute, its standard error, and as a share
    /// of the memory.
    fn growth(&self) -> (f64, f64, f64) {
        let samples = &self.sent.samples;
        let half: Vec<_> = samples[samples.len() / 2..]
            .iter()
            .map(|sample| (sample.seconds, sample.bytes))
            .collect();
        let (bytes, error) = slope(&half);
        let spent = half.last().map_or(0.0, |last| last.0) - half.first().map_or(0.0, |first| first.0);
        let mean = half.iter().map(|point| point.1).sum::<f64>() / half.len() as f64;
        (bytes * 60.0 / 1024.0, error * 60.0 / 1024.0, bytes * spent / mean)
    }
}

type Row = (&'static str, fn(&Soaked) -> String);

const ROWS: &[Row] = &[
    ("peak, deliveries/s", |soaked| format!("{:.0}", soaked.peak)),
    ("rate, deliveries/s", |soaked| format!("{:.0}", soaked.rate)),
    ("remembers", |soaked| soaked.remembers.clone()),
    ("seconds", |soaked| {
        format!("{:.0}", soaked.sent.time.as_secs_f64())
    }),
    ("events sent", |soaked| soaked.sent.events.to_string()),
    ("of these, failing at least once", |soaked| {
        (1..=soaked.sent.events)
            .filter(|&number| Behavior::of(number).fails())
            .count()
            .to_string()
    }),
    ("deliveries", |soaked| soaked.sent.deliveries.to_string()),
    ("of these, duplicates", |soaked| {
        soaked.sent.duplicates.to_string()
    }),
    ("of these, retries", |soaked| soaked.sent.retries.to_string()),
    ("200, handled", |soaked| soaked.sent.responses.handled.to_string()),
    ("200, duplicate", |soaked| {
        soaked.sent.responses.duplicate.to_string()
    }),
    ("200, dead-lettered", |soaked| {
        soaked.sent.responses.dead_lettered.to_string()
    }),
    ("500", |soaked| soaked.sent.responses.failed.to_string()),
    ("422", |soaked| soaked.sent.responses.unprocessable.to_string()),
    ("503", |soaked| soaked.sent.responses.later.to_string()),
    ("other responses", |soaked| {
        soaked.sent.responses.other.to_string()
    }),
    ("no response", |soaked| soaked.sent.unanswered.to_string()),
    ("**events lost**", |soaked| soaked.faults.lost.to_string()),
    ("**events handled twice**", |soaked| {
        soaked.faults.twice.to_string()
    }),
    ("**acknowledged before handled**", |soaked| {
        soaked.faults.early.to_string()
    }),
    (
        "**acknowledged, but neither handled nor dead-lettered**",
        |soaked| soaked.faults.false_acknowledgements.to_string(),
    ),
    ("handled or dead-lettered, but never acknowledged", |soaked| {
        soaked.faults.unacknowledged.to_string()
    }),
    ("events with more or fewer runs than expected", |soaked| {
        soaked.faults.runs.to_string()
    }),
    ("latency by the sender: median, p99, longest, ms", |soaked| {
        soaked.sent.latency.summary()
    }),
    ("time by the server: median, p99, longest, ms", |soaked| {
        soaked.server_times.clone()
    }),
    ("memory over the second half, MB", |soaked| {
        let samples = &soaked.sent.samples;
        let half: Vec<f64> = samples[samples.len() / 2..]
            .iter()
            .map(|sample| sample.bytes / 1e6)
            .collect();
        let (least, most) = range(&half);
        format!("{least:.1}–{most:.1}")
    }),
    ("its slope, KB per minute", |soaked| {
        let (slope, error, _) = soaked.growth();
        format!("{slope:.1} ± {error:.1}")
    }),
];

pub(crate) fn report(all: &[Soaked]) -> Part {
    let mut part = Part::new("Soak");
    part.line(format!(
        "Measured on {} on {}. {CONNECTIONS} connections. Each delivery is timed from when it was due.\n",
        machine::today(),
        machine::describe(),
    ));
    let columns = |cell: &dyn Fn(&Soaked) -> String| all.iter().map(cell).collect::<Vec<_>>().join(" | ");
    part.line(format!("| | {} |", columns(&|soaked| soaked.store.clone())));
    part.line(format!("| --- | {} |", columns(&|_| "---:".to_owned())));
    for (what, cell) in ROWS {
        part.line(format!("| {what} | {} |", columns(&|soaked| cell(soaked))));
    }
    for soaked in all {
        let store = &soaked.store;
        if let Some(example) = &soaked.sent.responses.example {
            part.line(format!("\n{store}: an unexpected response was `{example}`."));
        }
        part.limits.check(
            format!("{store}: faults"),
            soaked.faults() as f64,
            Limit::AtMost(0.0),
        );
        let (_, _, growth) = soaked.growth();
        let subject = format!("{store}: growth of memory over the second half, as a share of it");
        let long = soaked.sent.time >= SHORTEST;
        part.limits
            .check(subject, long.then_some(growth), Limit::AtMost(GROWTH));
    }
    part
}
