//! The stores, with clocks that can be moved and receivers that can crash.

mod memory;
mod postgres;
#[cfg(unix)]
mod redis;
mod sqlite;

pub(crate) use memory::{FULL_MEMORY, MEMORY, Memory};
pub(crate) use postgres::{POSTGRES, Postgres};
#[cfg(unix)]
pub(crate) use redis::{REDIS, Redis};
pub(crate) use sqlite::{SQLITE, Sqlite};

use super::reference::Kind;
use apideck_hooks::store::{Key, Store};
use async_trait::async_trait;
use std::time::Duration;

/// A tick of an exact clock.
const SHORT: Duration = Duration::from_millis(1);
/// A tick of a clock that cannot be paused. No history takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(600);
/// The retention, in ticks.
const RETENTION: u64 = 33;
/// The maximum number of dead letters of a source. A history can have more events.
pub(crate) const LETTERS: u64 = 2;

/// A store with its clock and its receiver.
#[async_trait]
pub(crate) trait World {
    fn store(&self) -> &dyn Store;

    /// Moves the clock ahead, or makes the records under these keys older.
    async fn pass(&mut self, time: Duration, keys: &[Key]);

    /// Sets the clock back, or makes the records under these keys younger.
    async fn set_back(&mut self, time: Duration, keys: &[Key]);

    /// Ends the receiver and starts another one.
    async fn crash(&mut self);
}

impl Kind {
    pub(crate) fn time(&self, ticks: u64) -> Duration {
        self.tick() * u32::try_from(ticks).expect("few")
    }

    fn tick(&self) -> Duration {
        if self.exact { SHORT } else { LONG }
    }

    /// The number of ticks. On a clock that cannot be paused less than a tick has passed since the
    /// last step, so it is rounded up.
    pub(crate) fn ticks(&self, time: Duration) -> u64 {
        let (time, tick) = (time.as_micros(), self.tick().as_micros());
        assert!(!self.exact || time.is_multiple_of(tick), "{time} microseconds");
        u64::try_from(time.div_ceil(tick)).expect("few")
    }
}
