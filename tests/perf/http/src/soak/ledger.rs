//! The runs of the handler, event by event.

use perf::machine;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

/// All its memory is allocated at the start, so that its growth is not mistaken for a leak.
pub(crate) struct Ledger {
    /// Runs and successes. Never zero, because the system makes zeroed memory resident only when it
    /// is written.
    counts: Vec<AtomicU8>,
    /// The time of the last success in microseconds.
    at: Vec<AtomicU32>,
    start: Duration,
}

const BLANK: u8 = 0b1000_0000;
const RUN: u8 = 1;
const DONE: u8 = 16;
const NEVER: u32 = u32::MAX;

impl Ledger {
    /// A ledger for events of numbers below `events`. Times begin at `start`.
    pub(crate) fn new(events: usize, start: Duration) -> Self {
        Ledger {
            counts: (0..events).map(|_| AtomicU8::new(BLANK)).collect(),
            at: (0..events).map(|_| AtomicU32::new(NEVER)).collect(),
            start,
        }
    }

    fn count(&self, number: u64) -> Option<&AtomicU8> {
        self.counts.get(usize::try_from(number).ok()?)
    }

    /// Counts a run and returns its number, or `None` for an unexpected event.
    pub(crate) fn run(&self, number: u64) -> Option<u8> {
        let before = self.count(number)?.fetch_add(RUN, Ordering::Relaxed);
        Some((before & 0xF) + 1)
    }

    /// Counts a success.
    pub(crate) fn done(&self, number: u64) {
        if let Some(count) = self.count(number) {
            self.at[number as usize].store(since(self.start), Ordering::Relaxed);
            count.fetch_add(DONE, Ordering::Relaxed);
        }
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let at = self
            .at
            .iter()
            .flat_map(|at| at.load(Ordering::Relaxed).to_le_bytes());
        fs::write(file, counts.chain(at).collect::<Vec<u8>>())
    }
}

/// The microseconds since `start`.
pub(crate) fn since(start: Duration) -> u32 {
    u32::try_from((machine::monotonic() - start).as_micros()).unwrap_or(NEVER - 1)
}

/// A ledger that was written to a file.
pub(crate) struct Handled(Vec<u8>);

impl Handled {
    pub(crate) fn read(file: &Path) -> io::Result<Self> {
        Ok(Handled(fs::read(file)?))
    }

    /// The runs of an event, its successes, and the time of the last one.
    pub(crate) fn event(&self, number: usize) -> (u8, u8, u32) {
        let events = self.0.len() / 5;
        let count = self.0[number] & !BLANK;
        let at = std::array::from_fn(|byte| self.0[events + 4 * number + byte]);
        (count & 0xF, count >> 4, u32::from_le_bytes(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_ledger_is_read() {
        let ledger = Ledger::new(3, machine::monotonic());
        assert_eq!(
            [ledger.run(1), ledger.run(1), ledger.run(3)],
            [Some(1), Some(2), None]
        );
        ledger.done(1);
        ledger.done(1);
        let file = std::env::temp_dir().join(format!("perf-http-ledger-{}", std::process::id()));
        ledger.write(&file).unwrap();
        let handled = Handled::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(handled.event(0), (0, 0, NEVER));
        let (runs, done, at) = handled.event(1);
        assert!((runs, done) == (2, 2) && at < NEVER);
        assert_eq!(handled.event(2), (0, 0, NEVER));
    }
}
