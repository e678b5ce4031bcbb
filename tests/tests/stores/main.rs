//! Tests of every store: the conformance suite, and receivers on each store.

mod conformance;
mod memory;
mod receivers;

use std::time::Duration;

const EVENT: &str = "vault.connection.callable";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
