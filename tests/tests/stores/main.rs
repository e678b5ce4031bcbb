//! What holds for every store: the suite of the trait, and receivers on each of them.

mod conformance;
mod memory;
mod receivers;

use std::time::Duration;

const EVENT: &str = "vault.connection.callable";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
