//! Timing several ways of doing something in turn.

use std::time::{Duration, Instant};

#[cfg(unix)]
use rustix::time::{ClockId, clock_gettime};

/// How long one way is timed in one round.
const TURN: Duration = Duration::from_millis(2);

/// The time that this thread has spent so far. On a busy machine it waits for a processor too, but long runs wait more often
/// than short ones, so that a wall clock would favour these.
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

/// Rounds, whatever time they take.
const FEWEST: usize = 7;

#[derive(Default)]
pub(crate) struct Clock<'a> {
    ways: Vec<Way<'a>>,
}

struct Way<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
    /// The time of one run in each round, in nanoseconds.
    rounds: Vec<f64>,
}

impl<'a> Clock<'a> {
    pub(crate) fn add(&mut self, name: &'static str, run: impl FnMut() + 'a) {
        self.ways.push(Way {
            name,
            run: Box::new(run),
            rounds: Vec::new(),
        });
    }

    /// Takes over a time in nanoseconds that was measured elsewhere.
    pub(crate) fn note(&mut self, name: &'static str, ns: f64) {
        self.add(name, || ());
        if let Some(way) = self.ways.last_mut() {
            way.rounds.push(ns);
        }
    }

    /// Times every way in turn for about so long; with no time at all, once.
    pub(crate) fn run(&mut self, time: Duration) {
        let start = Instant::now();
        let turns: Vec<u32> = self.ways.iter_mut().map(|way| way.turns(time)).collect();
        let mut rounds = 0;
        while rounds < 1 || !time.is_zero() && (rounds < FEWEST || start.elapsed() < time) {
            for (way, turns) in self.ways.iter_mut().zip(&turns) {
                way.round(*turns);
            }
            rounds += 1;
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.ways.iter().map(|way| way.name)
    }

    /// The median time of a way in nanoseconds.
    pub(crate) fn ns(&self, name: &str) -> f64 {
        median(self.rounds(name).to_vec())
    }

    /// How many times as long one way takes as another: the median over the rounds, or the medians' ratio if they were not
    /// timed in the same rounds.
    pub(crate) fn ratio(&self, name: &str, other: &str) -> f64 {
        let (one, other) = (self.rounds(name), self.rounds(other));
        if one.len() == other.len() {
            median(one.iter().zip(other).map(|(one, other)| one / other).collect())
        } else {
            median(one.to_vec()) / median(other.to_vec())
        }
    }

    fn rounds(&self, name: &str) -> &[f64] {
        let way = self.ways.iter().find(|way| way.name == name);
        &way.expect("a way that was added").rounds
    }
}

impl Way<'_> {
    /// How often it runs in one turn. Finding that out warms it up.
    fn turns(&mut self, time: Duration) -> u32 {
        let mut turns = 1;
        while !time.is_zero() {
            let start = now();
            (0..turns).for_each(|_| (self.run)());
            if now() - start > TURN / 2 {
                break;
            }
            turns *= 2;
        }
        turns
    }

    fn round(&mut self, turns: u32) {
        let start = now();
        for _ in 0..turns {
            (self.run)();
        }
        self.rounds
            .push((now() - start).as_nanos() as f64 / f64::from(turns));
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
