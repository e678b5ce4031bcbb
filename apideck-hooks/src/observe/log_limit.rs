//! A limit on log lines that a stranger can cause, also with one captured request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// Allows one line a second, and counts the others.
#[derive(Default)]
pub(crate) struct LogLimit(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    last: Option<Instant>,
    omitted: u64,
}

impl LogLimit {
    /// Returns the number of lines that were omitted since the last one. `None` if this one is
    /// omitted, too.
    pub(crate) fn line(&self) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if lines.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            lines.omitted += 1;
            return None;
        }
        lines.last = Some(now);
        Some(std::mem::take(&mut lines.omitted))
    }
}

/// Logs a line at a level if the limit allows it, with the number of lines that were `omitted`. A
/// line that is omitted is logged at DEBUG.
macro_rules! limited {
    ($limit:expr, $level:ident, $($line:tt)+) => {
        match $limit.line() {
            Some(omitted) => tracing::$level!(omitted, $($line)+),
            None => tracing::debug!($($line)+),
        }
    };
}

pub(crate) use limited;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_tells_how_many_were_omitted() {
        let limit = LogLimit::default();
        assert_eq!(limit.line(), Some(0));
        for _ in 0..3 {
            assert_eq!(limit.line(), None);
        }
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(limit.line(), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(limit.line(), Some(4));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(limit.line(), Some(0));
    }
}
