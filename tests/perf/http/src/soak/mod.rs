//! A long run at a steady rate, with duplicates and failing handlers, of which nothing may be lost or handled twice.

mod checker;
mod fate;
mod ledger;
mod sender;

pub(crate) use fate::Fate;
pub(crate) use ledger::Ledger;

use crate::event::Scheme;
use crate::latency::SHARE;
use crate::load::{CONNECTIONS, Pool, closed};
use crate::machine;
use crate::report::{Limit, Part};
use crate::serve::Failure;
use crate::server::{Processors, Server};
use crate::statistics::{range, slope};
use checker::{Faults, check};
use ledger::Handled;
use sender::{Plan, Sent, send};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Duplicates come two seconds later, retries one: what is remembered spans more than that.
const SPAN: f64 = 6.0;
/// An event is forgotten after a tenth of the time, in the memory store for want of room: what grows until then is no leak.
const FORGOTTEN_AFTER: f64 = 0.1;
/// The peak is what is borne for longer than events are remembered, as to forget them is a part of the work: it is measured for so many
/// times as long, half the soak at the most, and the last third counts.
const PEAK_FOR: f64 = 3.0;
/// Events before it is known what the peak may be, and a rate above which it is not.
const WARM_UP: u64 = 5_000;
const FASTEST: f64 = 100_000.0;
/// In less time memory says nothing.
const SHORTEST: Duration = Duration::from_secs(120);
/// Times are kept in microseconds in 32 bits.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// What resident memory may grow by over the second half, of what it is: no more than it goes up and down by itself.
const GROWTH: f64 = 0.01;

pub(crate) struct Soaked {
    store: String,
    peak: f64,
    rate: f64,
    remembers: String,
    sent: Sent,
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
            return Err("a soak is an hour at most".into());
        }
        let folder = self.folder.join(format!("soak-{store}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let soaked = self.run_in(store, &folder);
        fs::remove_dir_all(&folder)?;
        soaked
    }

    fn run_in(&self, store: &str, folder: &Path) -> Result<Soaked, Failure> {
        let seconds = self.time.as_secs_f64();
        let span = (FORGOTTEN_AFTER * seconds).clamp(SPAN, 60.0);
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
            faults,
        })
    }

    /// Deliveries a second that it just bears, of the same kinds.
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
        let mut pool = Pool::new(Scheme::Sorted);
        pool.fill(WARM_UP as usize);
        let rate = closed(server.address, &pool)?.rate();
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
            _ => Err("a soak so short has no peak".into()),
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
    /// Events of which something is wrong, and answers that there should not be.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.total() + self.sent.unanswered + self.sent.answers.odd
    }

    /// Of the second half, in KB a minute, with its standard error; and how much memory has grown over it, as a share.
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
    ("of these, failing", |soaked| {
        (1..=soaked.sent.events)
            .filter(|&number| Fate::of(number).fails())
            .count()
            .to_string()
    }),
    ("deliveries", |soaked| soaked.sent.deliveries.to_string()),
    ("of these, duplicates", |soaked| soaked.sent.twins.to_string()),
    ("of these, retries", |soaked| soaked.sent.retries.to_string()),
    ("answered 200, handled", |soaked| {
        soaked.sent.answers.handled.to_string()
    }),
    ("answered 200, duplicate", |soaked| {
        soaked.sent.answers.duplicate.to_string()
    }),
    ("answered 200, set aside", |soaked| {
        soaked.sent.answers.set_aside.to_string()
    }),
    ("answered 500", |soaked| soaked.sent.answers.failed.to_string()),
    ("answered 422", |soaked| {
        soaked.sent.answers.unprocessable.to_string()
    }),
    ("answered 503", |soaked| soaked.sent.answers.later.to_string()),
    ("answered otherwise", |soaked| soaked.sent.answers.odd.to_string()),
    ("not answered", |soaked| soaked.sent.unanswered.to_string()),
    ("**events lost**", |soaked| soaked.faults.lost.to_string()),
    ("**events handled twice**", |soaked| {
        soaked.faults.twice.to_string()
    }),
    ("**2xx before it was handled**", |soaked| {
        soaked.faults.early.to_string()
    }),
    ("**2xx for what was not handled or kept**", |soaked| {
        soaked.faults.lies.to_string()
    }),
    ("handled or kept, and no 2xx", |soaked| {
        soaked.faults.unacknowledged.to_string()
    }),
    ("events with more or fewer runs than due", |soaked| {
        soaked.faults.runs.to_string()
    }),
    ("median, p99, longest answer, ms", |soaked| {
        let latency = &soaked.sent.latency;
        let times = [latency.quantile(0.5), latency.quantile(0.99), latency.most()];
        times
            .map(|time| format!("{:.2}", time.as_secs_f64() * 1e3))
            .join(", ")
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
    ("its slope, KB a minute", |soaked| {
        let (slope, error, _) = soaked.growth();
        format!("{slope:.1} ± {error:.1}")
    }),
];

pub(crate) fn report(all: &[Soaked]) -> Part {
    let mut part = Part::new("soak");
    part.line(format!(
        "Measured on {}: {}. {CONNECTIONS} connections, each answer timed from when its delivery was due.\n",
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
        if let Some(example) = &soaked.sent.answers.example {
            part.line(format!("\n{store}: it also answered `{example}`."));
        }
        part.target(
            format!("{store}: faults"),
            Some(soaked.faults() as f64),
            Limit::AtMost(0.0),
        );
        let (_, _, growth) = soaked.growth();
        let what = format!("{store}: growth of memory over the second half, as a share of it");
        let long = soaked.sent.time >= SHORTEST;
        part.target(what, long.then_some(growth), Limit::AtMost(GROWTH));
    }
    part
}
