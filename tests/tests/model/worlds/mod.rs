//! The stores, with clocks that can be moved and receivers that can crash.

mod memory;

pub(crate) use memory::{FULL_MEMORY, MEMORY, Memory};

use apideck_hooks::store::{Key, Store};
use async_trait::async_trait;
use std::time::Duration;

/// A tick of an exact clock.
pub(crate) const SHORT: Duration = Duration::from_millis(1);
/// A tick of a clock that cannot be paused. No history takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(600);
/// The retention, in ticks.
const RETENTION: u64 = 33;
/// The maximum number of dead letters of a source. A history can have more events.
const LETTERS: u64 = 3;

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
