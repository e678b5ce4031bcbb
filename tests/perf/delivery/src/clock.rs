//! Timing ways that use up what they are given.

use std::time::{Duration, Instant};

use crate::event::Number;

#[cfg(unix)]
use rustix::time::{ClockId, clock_gettime};

/// Events in one turn of a way.
const TURN: Number = 256;
/// Rounds that are not counted: tables grow, and what is lazy is made.
const WARM_UP: usize = 8;

/// The time that this thread has spent so far.
#[cfg(unix)]
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a positive time")
}

#[cfg(not(unix))]
fn now() -> Duration {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

pub(crate) trait Way {
    /// Makes the events of one turn, which is not timed.
    fn prepare(&mut self, events: std::ops::Range<Number>);

    /// Deals with all of them.
    fn run(&mut self);
}

#[derive(Default)]
pub(crate) struct Clock {
    ways: Vec<Timed>,
}

struct Timed {
    name: &'static str,
    way: Box<dyn Way>,
    /// The time of one event in each round, in nanoseconds.
    rounds: Vec<f64>,
}

impl Clock {
    pub(crate) fn add(&mut self, name: &'static str, way: impl Way + 'static) {
        self.ways.push(Timed {
            name,
            way: Box::new(way),
            rounds: Vec::new(),
        });
    }

    /// Times every way in turn for about so long; with no time at all, once.
    pub(crate) fn run(&mut self, time: Duration) {
        let start = Instant::now();
        let warm_up = if time.is_zero() { 0 } else { WARM_UP };
        let mut round = 0;
        while round <= warm_up || start.elapsed() < time {
            let first = round as Number * TURN;
            for timed in &mut self.ways {
                timed.way.prepare(first..first + TURN);
                let start = now();
                timed.way.run();
                let spent = now() - start;
                if round >= warm_up {
                    timed.rounds.push(spent.as_nanos() as f64 / TURN as f64);
                }
            }
            round += 1;
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.ways.iter().map(|timed| timed.name)
    }

    /// The median time of a way in nanoseconds.
    pub(crate) fn ns(&self, name: &str) -> f64 {
        median(self.rounds(name).to_vec())
    }

    /// How many times as long one way takes as others together: the median over the rounds.
    pub(crate) fn ratio(&self, name: &str, others: &[&str]) -> f64 {
        let others: Vec<_> = others.iter().map(|other| self.rounds(other)).collect();
        let rounds = self.rounds(name).iter().enumerate();
        median(
            rounds
                .map(|(round, time)| time / others.iter().map(|other| other[round]).sum::<f64>())
                .collect(),
        )
    }

    fn rounds(&self, name: &str) -> &[f64] {
        let timed = self.ways.iter().find(|timed| timed.name == name);
        &timed.expect("a way that was added").rounds
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
