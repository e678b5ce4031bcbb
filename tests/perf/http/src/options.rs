//! The command line.

use crate::serve::Failure;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: run.sh [part …] [option …]

parts: throughput, latency, memory; all of them if none is named
       soak (is not among `all`)

  --rounds N        rounds of each measurement, 7 by default
  --seconds S       how long a subject is measured in a round, 1 by default
  --subjects a,b    only these, and bare hyper
  --without-node    not those that need Node.js
  --minutes M       how long to soak, 10 by default
  --stores a,b      which stores to soak: memory, sqlite
  --rate R          deliveries a second of the soak; 70 % of the store's peak by default
  --swap            the server on the second processor, the load on the first
  --check           fail if a target is missed
  --readme          write the tables into the README
  --smoke           the shortest run, which shows that all of it works";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) parts: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) subjects: Vec<String>,
    pub(crate) node: bool,
    pub(crate) soak: Duration,
    pub(crate) stores: Vec<String>,
    pub(crate) rate: Option<f64>,
    pub(crate) swap: bool,
    pub(crate) check: bool,
    pub(crate) readme: bool,
    pub(crate) smoke: bool,
}

const PARTS: [&str; 4] = ["throughput", "latency", "memory", "soak"];

impl Options {
    pub(crate) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Options {
            parts: Vec::new(),
            rounds: 7,
            time: Duration::from_secs(1),
            subjects: Vec::new(),
            node: true,
            soak: Duration::from_secs(600),
            stores: vec!["memory".to_owned(), "sqlite".to_owned()],
            rate: None,
            swap: false,
            check: false,
            readme: false,
            smoke: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} wants a value"))
            };
            let names = |value: String| value.split(',').map(str::to_owned).collect::<Vec<_>>();
            match &*argument {
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--seconds" => options.time = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--subjects" => options.subjects = names(value()?),
                "--without-node" => options.node = false,
                "--minutes" => options.soak = Duration::try_from_secs_f64(60.0 * value()?.parse::<f64>()?)?,
                "--stores" => options.stores = names(value()?),
                "--rate" => options.rate = Some(value()?.parse()?),
                "--swap" => options.swap = true,
                "--check" => options.check = true,
                "--readme" => options.readme = true,
                "--smoke" => options.smoke = true,
                part if PARTS.contains(&part) => options.parts.push(argument),
                _ => return Err(format!("what is {argument}?\n\n{USAGE}").into()),
            }
        }
        if options.smoke {
            options.rounds = 1;
            options.time = Duration::from_millis(200);
            options.soak = options.soak.min(Duration::from_secs(15));
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, part: &str) -> bool {
        if self.parts.is_empty() {
            return part != "soak";
        }
        self.parts.iter().any(|wanted| wanted == part)
    }
}
