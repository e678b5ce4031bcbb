//! What the handler has done, event by event.

use crate::machine;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

/// Kept by the server in memory that is taken at the start, so that it cannot be taken for a leak.
pub(crate) struct Ledger {
    /// Never zero: zeros would only be promised by the system, and become memory when they are written.
    marks: Vec<AtomicU8>,
    /// When it was last handled, in microseconds.
    at: Vec<AtomicU32>,
    start: Duration,
}

const BLANK: u8 = 0b1000_0000;
const RUN: u8 = 1;
const DONE: u8 = 16;
const NEVER: u32 = u32::MAX;

impl Ledger {
    /// For events of numbers below `events`; times are since `start`.
    pub(crate) fn new(events: usize, start: Duration) -> Self {
        Ledger {
            marks: (0..events).map(|_| AtomicU8::new(BLANK)).collect(),
            at: (0..events).map(|_| AtomicU32::new(NEVER)).collect(),
            start,
        }
    }

    fn mark(&self, number: u64) -> Option<&AtomicU8> {
        self.marks.get(usize::try_from(number).ok()?)
    }

    /// Counts a run, and says which one it is; none of an event that is not expected.
    pub(crate) fn run(&self, number: u64) -> Option<u8> {
        let before = self.mark(number)?.fetch_add(RUN, Ordering::Relaxed);
        Some((before & 0xF) + 1)
    }

    pub(crate) fn done(&self, number: u64) {
        if let Some(mark) = self.mark(number) {
            self.at[number as usize].store(since(self.start), Ordering::Relaxed);
            mark.fetch_add(DONE, Ordering::Relaxed);
        }
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let marks = self.marks.iter().map(|mark| mark.load(Ordering::Relaxed));
        let at = self
            .at
            .iter()
            .flat_map(|at| at.load(Ordering::Relaxed).to_le_bytes());
        fs::write(file, marks.chain(at).collect::<Vec<u8>>())
    }
}

/// Microseconds since then.
pub(crate) fn since(start: Duration) -> u32 {
    u32::try_from((machine::monotonic() - start).as_micros()).unwrap_or(NEVER - 1)
}

/// A ledger that was written.
pub(crate) struct Handled(Vec<u8>);

impl Handled {
    pub(crate) fn read(file: &Path) -> io::Result<Self> {
        Ok(Handled(fs::read(file)?))
    }

    /// How often the handler ran for an event, how often it was done, and when.
    pub(crate) fn event(&self, number: usize) -> (u8, u8, u32) {
        let events = self.0.len() / 5;
        let mark = self.0[number] & !BLANK;
        let at = std::array::from_fn(|byte| self.0[events + 4 * number + byte]);
        (mark & 0xF, mark >> 4, u32::from_le_bytes(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let ledger = Ledger::new(3, machine::monotonic());
        assert_eq!(
            [ledger.run(1), ledger.run(1), ledger.run(3)],
            [Some(1), Some(2), None]
        );
        ledger.done(1);
        ledger.done(1);
        let file = std::env::temp_dir().join(format!("bench-http-ledger-{}", std::process::id()));
        ledger.write(&file).unwrap();
        let handled = Handled::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(handled.event(0), (0, 0, NEVER));
        let (runs, done, at) = handled.event(1);
        assert!((runs, done) == (2, 2) && at < NEVER);
        assert_eq!(handled.event(2), (0, 0, NEVER));
    }
}
