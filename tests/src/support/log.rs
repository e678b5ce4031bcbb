//! The log lines of a test's thread: those of INFO and above, unless a test asks for all.
//!
//! One subscriber for all tests of a process passes each line on to the log of its thread. With a
//! subscriber for each test, one that begins while another thread logs for the first time could
//! miss lines, because tracing remembers for each line of code if anyone listens.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    static LOG: RefCell<Option<(Log, Level)>> = const { RefCell::new(None) };
}

/// The lines that were logged. Clones share them.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// Ends the capture when it is dropped.
pub struct Captured(());

impl Log {
    /// Captures the lines of this thread until the guard is dropped.
    pub fn capture() -> (Log, Captured) {
        Self::capture_from(Level::INFO)
    }

    /// Captures the lines of this thread at a level and above it.
    pub fn capture_from(level: Level) -> (Log, Captured) {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let lines = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_max_level(Level::DEBUG)
                .with_writer(ToThread);
            tracing::subscriber::set_global_default(lines.finish()).expect("no other subscriber");
        });
        tracing::callsite::rebuild_interest_cache();
        let log = Log::default();
        LOG.set(Some((log.clone(), level)));
        (log, Captured(()))
    }

    pub fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned();
        text.lines().map(str::to_owned).collect()
    }

    /// Counts the lines that contain a text.
    pub fn count(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        LOG.set(None);
    }
}

/// Writes to the log of the current thread.
struct ToThread;

/// The log of the current thread, for one line. `None` if its test does not want the line.
struct Line(Option<Log>);

impl MakeWriter<'_> for ToThread {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(None)
    }

    fn make_writer_for(&self, line: &Metadata<'_>) -> Line {
        let wanted = |(log, level): &(Log, Level)| (line.level() <= level).then(|| log.clone());
        Line(LOG.with_borrow(|log| log.as_ref().and_then(wanted)))
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = &self.0 {
            log.0.lock().expect("no panic").extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
