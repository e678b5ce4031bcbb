//! Times routines beside each other.
//!
//! # How it works
//!
//! All routines run one turn each, round after round. A ratio is the median of the ratios of the
//! rounds, because a machine that slows down for a while slows down both sides of a round. A turn
//! is timed on the CPU clock of the thread: on a busy machine, long runs are interrupted more often
//! than short ones, so a wall clock would favour the short ones.

use crate::machine::thread_time;
use crate::statistics::{median, ratios};
use std::ops::Range;
use std::time::{Duration, Instant};

/// The fewest rounds, however long they take.
const ROUNDS: usize = 7;
/// The turns of a fixed number of events that are not counted. Tables grow in them, and lazy values
/// are made.
const WARM_UP: usize = 8;

/// Something to time.
pub trait Routine {
    /// Makes the input of one turn: the events of these numbers. It is not timed.
    fn prepare(&mut self, numbers: Range<u64>);

    /// Processes that input.
    fn run(&mut self);
}

/// The length of a turn.
#[derive(Clone, Copy)]
pub enum Turn {
    /// The same number of events for every routine.
    Events(u64),
    /// As many events as take about this time.
    Lasting(Duration),
}

/// Routines and their times.
pub struct Clock<'a> {
    turn: Turn,
    routines: Vec<Timed<'a>>,
}

struct Timed<'a> {
    name: &'static str,
    routine: Box<dyn Routine + 'a>,
    /// The number of the next event.
    next: u64,
    /// The time of one event in each round, in nanoseconds.
    rounds: Vec<f64>,
}

impl<'a> Clock<'a> {
    /// Times turns of this length.
    pub fn new(turn: Turn) -> Self {
        Self {
            turn,
            routines: Vec::new(),
        }
    }

    /// Adds a routine.
    pub fn add(&mut self, name: &'static str, routine: impl Routine + 'a) {
        self.routines.push(Timed {
            name,
            routine: Box::new(routine),
            next: 0,
            rounds: Vec::new(),
        });
    }

    /// Adds a closure that processes one event and needs no input.
    pub fn add_repeated(&mut self, name: &'static str, run: impl FnMut() + 'a) {
        self.add(name, Repeated { run, times: 0 });
    }

    /// Adds a time that was measured elsewhere, in nanoseconds.
    pub fn note(&mut self, name: &'static str, ns: f64) {
        self.add_repeated(name, || ());
        if let Some(noted) = self.routines.last_mut() {
            noted.rounds.push(ns);
        }
    }

    /// Times all routines for about this time. Without any time, each runs one short turn.
    pub fn run(&mut self, time: Duration) {
        let smoke = time.is_zero();
        let events: Vec<u64> = self
            .routines
            .iter_mut()
            .map(|timed| timed.warm_up(self.turn, smoke))
            .collect();
        let start = Instant::now();
        let mut rounds = 0;
        while rounds < 1 || !smoke && (rounds < ROUNDS || start.elapsed() < time) {
            for (timed, &events) in self.routines.iter_mut().zip(&events) {
                let spent = timed.turn(events);
                timed.rounds.push(spent.as_nanos() as f64 / events as f64);
            }
            rounds += 1;
        }
    }

    /// The names of the routines, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.routines.iter().map(|timed| timed.name)
    }

    /// The median time of one event, in nanoseconds.
    pub fn ns(&self, name: &str) -> f64 {
        median(self.rounds(name))
    }

    /// The time of one routine divided by the time of others together.
    ///
    /// It is the median of the rounds, or the ratio of the medians if one of them was measured
    /// elsewhere.
    pub fn ratio(&self, name: &str, others: &[&str]) -> f64 {
        let own = self.rounds(name);
        if others.iter().any(|other| self.rounds(other).len() != own.len()) {
            return self.ns(name) / others.iter().map(|other| self.ns(other)).sum::<f64>();
        }
        let sums: Vec<f64> = (0..own.len())
            .map(|round| others.iter().map(|other| self.rounds(other)[round]).sum())
            .collect();
        median(&ratios(own, &sums))
    }

    fn rounds(&self, name: &str) -> &[f64] {
        let timed = self.routines.iter().find(|timed| timed.name == name);
        &timed.expect("a routine that was added").rounds
    }
}

impl Timed<'_> {
    /// Runs until nothing is slow because it is new. Returns the events of a turn.
    fn warm_up(&mut self, turn: Turn, smoke: bool) -> u64 {
        match turn {
            Turn::Events(events) => {
                for _ in 0..if smoke { 0 } else { WARM_UP } {
                    self.turn(events);
                }
                events
            }
            Turn::Lasting(_) if smoke => 1,
            Turn::Lasting(time) => {
                let mut events = 1;
                while self.turn(events) < time / 2 {
                    events *= 2;
                }
                events
            }
        }
    }

    fn turn(&mut self, events: u64) -> Duration {
        self.routine.prepare(self.next..self.next + events);
        self.next += events;
        let start = thread_time();
        self.routine.run();
        thread_time() - start
    }
}

struct Repeated<F> {
    run: F,
    times: u64,
}

impl<F: FnMut()> Routine for Repeated<F> {
    fn prepare(&mut self, numbers: Range<u64>) {
        self.times = numbers.end - numbers.start;
    }

    fn run(&mut self) {
        (0..self.times).for_each(|_| (self.run)());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn a_ratio_is_of_the_rounds_or_of_the_medians() {
        let mut clock = Clock::new(Turn::Lasting(Duration::from_micros(200)));
        clock.add_repeated("own", || (0..1_000).for_each(|n| _ = black_box(n)));
        clock.run(Duration::from_millis(20));
        clock.note("noted", 4.0 * clock.ns("own"));
        assert_eq!(clock.names().collect::<Vec<_>>(), ["own", "noted"]);
        let near = |ratio: f64, expected: f64| (ratio - expected).abs() < 1e-9;
        assert!(near(clock.ratio("own", &["own", "own"]), 0.5));
        assert!(near(clock.ratio("noted", &["own"]), 4.0));
    }

    #[test]
    fn a_turn_has_events_of_its_own() {
        struct Numbers<'a>(&'a mut Vec<Range<u64>>);
        impl Routine for Numbers<'_> {
            fn prepare(&mut self, numbers: Range<u64>) {
                self.0.push(numbers);
            }
            fn run(&mut self) {}
        }
        let mut numbers = Vec::new();
        let mut clock = Clock::new(Turn::Events(10));
        clock.add("numbers", Numbers(&mut numbers));
        clock.run(Duration::ZERO);
        clock.run(Duration::ZERO);
        drop(clock);
        assert_eq!(numbers, [0..10, 10..20]);
    }
}
