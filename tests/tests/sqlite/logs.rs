//! The log lines of a test's thread.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing::subscriber::DefaultGuard;

#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Captures the lines until the guard is dropped.
    pub(crate) fn capture(&self) -> DefaultGuard {
        let logs = self.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || logs.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    /// Counts the lines that contain a text.
    pub(crate) fn count(&self, text: &str) -> usize {
        let lines = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        lines.lines().filter(|line| line.contains(text)).count()
    }
}

impl Write for Logs {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
