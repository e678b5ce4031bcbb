//! The command line.

use crate::serve::Failure;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: tests/perf/run http [part …] [option …]

parts: throughput, latency, memory, flood (all four by default), soak

  --rounds N        rounds of each measurement (7)
  --seconds S       seconds of a receiver in a round (1)
  --receivers a,b   only these, and bare hyper
  --without-node    without the receivers that need Node.js
  --minutes M       minutes of the soak (10)
  --stores a,b      stores of the soak: memory, sqlite (both)
  --rate R          deliveries per second of the soak (70 % of the store's peak)
  --swap            the server on the second processor, the load on the first
  --check           fail if a limit is missed
  --results         replace the tables of the measured parts in tests/perf/RESULTS.md
  --smoke           the shortest run of all parts, which measures nothing";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) parts: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) receivers: Vec<String>,
    pub(crate) node: bool,
    pub(crate) soak: Duration,
    pub(crate) stores: Vec<String>,
    pub(crate) rate: Option<f64>,
    pub(crate) swap: bool,
    pub(crate) check: bool,
    pub(crate) results: bool,
    pub(crate) smoke: bool,
}

const PARTS: [&str; 5] = ["throughput", "latency", "memory", "flood", "soak"];

impl Options {
    pub(crate) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Options {
            parts: Vec::new(),
            rounds: 7,
            time: Duration::from_secs(1),
            receivers: Vec::new(),
            node: true,
            soak: Duration::from_secs(600),
            stores: vec!["memory".to_owned(), "sqlite".to_owned()],
            rate: None,
            swap: false,
            check: false,
            results: false,
            smoke: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value"))
            };
            let names = |value: String| value.split(',').map(str::to_owned).collect::<Vec<_>>();
            match &*argument {
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--seconds" => options.time = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--receivers" => options.receivers = names(value()?),
                "--without-node" => options.node = false,
                "--minutes" => options.soak = Duration::try_from_secs_f64(60.0 * value()?.parse::<f64>()?)?,
                "--stores" => options.stores = names(value()?),
                "--rate" => options.rate = Some(value()?.parse()?),
                "--swap" => options.swap = true,
                "--check" => options.check = true,
                "--results" => options.results = true,
                "--smoke" => options.smoke = true,
                part if PARTS.contains(&part) => options.parts.push(argument),
                _ => return Err(format!("unknown argument {argument}\n\n{USAGE}").into()),
            }
        }
        if options.smoke {
            options.rounds = 1;
            options.time = Duration::from_millis(200);
            options.soak = options.soak.min(Duration::from_secs(15));
        }
        Ok(options)
    }

    pub(crate) fn selects(&self, part: &str) -> bool {
        if self.parts.is_empty() {
            return self.smoke || part != "soak";
        }
        self.parts.iter().any(|selected| selected == part)
    }
}
