//! The recent deliveries of this process, from the observer.
//!
//! # How it works
//!
//! Two rings are kept: one of deliveries whose signature matched, and a smaller one of refused
//! requests. So strangers who send many requests cannot push deliveries out of the list.
//!
//! An answer and a run of one delivery are told apart, and in either order, because a handler can
//! go on after the answer. They are brought together by the number of the delivery. A run waits in
//! `runs` for the answer, and after a late answer it knows its row. A replay and a worker's run
//! have no answer, so each is a row of its own when it ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::activity::Activity;
use super::seen::{SeenDelivery, SeenRun};
use crate::observe::{About, Answered, Observe, RunEnded, RunStarted};

/// Number of deliveries that are kept.
pub(super) const DELIVERIES: usize = 1000;
/// Number of refused requests that are kept.
pub(super) const REFUSED: usize = 100;
/// Maximum number of runs that wait for their answer, or for their end after it.
const RUNS: usize = 4096;

/// The observer of a console, from [`Console::observer`](crate::console::Console::observer).
///
/// It keeps the last 1,000 deliveries, the last 100 refused requests and the outcomes of the last
/// hour. Ids and errors are cut at a length, so its memory is bounded.
#[derive(Clone)]
pub struct ConsoleObserver {
    recent: Arc<Mutex<Recent>>,
    observes: Arc<AtomicBool>,
}

#[derive(Default)]
struct Recent {
    last: u64,
    deliveries: VecDeque<Arc<SeenDelivery>>,
    refused: VecDeque<Arc<SeenDelivery>>,
    runs: BTreeMap<u64, OpenRun>,
    activity: Activity,
}

/// A run whose answer or end has not been told.
struct OpenRun {
    run: SeenRun,
    /// The row of a delivery that was answered before its run ended.
    row: Option<u64>,
}

impl ConsoleObserver {
    pub(super) fn new() -> Self {
        Self {
            recent: Arc::default(),
            observes: Arc::default(),
        }
    }

    /// Notes that it was handed out, most likely to a receiver.
    pub(super) fn handed_out(&self) -> Self {
        // No other memory depends on the flag.
        self.observes.store(true, Ordering::Relaxed);
        self.clone()
    }

    pub(super) fn was_handed_out(&self) -> bool {
        self.observes.load(Ordering::Relaxed)
    }

    /// Returns the rows of both rings, newest first.
    ///
    /// The rows are shared, so the lock is held only while their counts are incremented.
    pub(super) fn rows(&self) -> Vec<Arc<SeenDelivery>> {
        let recent = self.lock();
        let both = recent.deliveries.iter().chain(&recent.refused);
        let mut rows: Vec<_> = both.map(Arc::clone).collect();
        drop(recent);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
        rows
    }

    /// Reads the activity.
    pub(super) fn activity<T>(&self, read: impl FnOnce(&Activity) -> T) -> T {
        read(&self.lock().activity)
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    /// Adds a row, and drops the oldest one of a full ring. Returns the row's number.
    fn push(&mut self, mut row: SeenDelivery) -> u64 {
        self.last += 1;
        row.number = self.last;
        let (ring, most) = match row.is_verified() {
            true => (&mut self.deliveries, DELIVERIES),
            false => (&mut self.refused, REFUSED),
        };
        if ring.len() == most {
            ring.pop_front();
        }
        ring.push_back(Arc::new(row));
        self.last
    }

    /// Keeps a run until its answer or its end is told.
    fn keep(&mut self, delivery: u64, open: OpenRun) {
        self.runs.insert(delivery, open);
        if self.runs.len() > RUNS {
            self.runs.pop_first();
        }
    }

    /// Shows the end of a run in a row that is still kept.
    fn update(&mut self, number: u64, run: SeenRun) {
        let found = self.deliveries.binary_search_by_key(&number, |row| row.number);
        if let Some(row) = found.ok().and_then(|at| self.deliveries.get_mut(at)) {
            Arc::make_mut(row).run = Some(run);
        }
    }

    fn answered(&mut self, answered: &Answered<'_>) {
        self.activity.answered(answered);
        let number = answered.about.map(|about: &About| about.delivery);
        let open = number.and_then(|number| self.runs.remove(&number));
        let run = open.map(|open| open.run);
        let still_runs = run.clone().filter(|run| run.outcome.is_none());
        let row = self.push(SeenDelivery::answered(answered, run));
        if let (Some(delivery), Some(run)) = (number, still_runs) {
            let row = Some(row);
            self.keep(delivery, OpenRun { run, row });
        }
    }

    fn run_ended(&mut self, run: &RunEnded<'_>) {
        let ended = SeenRun::ended(run);
        if run.about.replay || run.about.worker {
            self.runs.remove(&run.about.delivery);
            if run.about.worker {
                self.activity.ran(run.outcome);
            }
            self.push(SeenDelivery::unanswered(run, ended));
            return;
        }
        let delivery = run.about.delivery;
        match self.runs.remove(&delivery).and_then(|open| open.row) {
            Some(row) => self.update(row, ended),
            None => self.keep(
                delivery,
                OpenRun {
                    run: ended,
                    row: None,
                },
            ),
        }
    }
}

impl Observe for ConsoleObserver {
    fn answered(&self, answered: &Answered<'_>) {
        self.lock().answered(answered);
    }

    fn run_started(&self, run: &RunStarted<'_>) {
        let mut recent = self.lock();
        let row = recent.runs.remove(&run.about.delivery).and_then(|open| open.row);
        let run_of = SeenRun::started(run);
        recent.keep(run.about.delivery, OpenRun { run: run_of, row });
    }

    fn run_ended(&self, run: &RunEnded<'_>) {
        self.lock().run_ended(run);
    }
}

impl std::fmt::Debug for ConsoleObserver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConsoleObserver")
    }
}
