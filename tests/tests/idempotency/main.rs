//! Whole deliveries on the memory store. Time is paused: what takes hours takes none.

mod duplicates;
mod failures;
mod identity;
mod leases;
mod limits;
mod shutdown;
#[cfg(unix)]
mod signals;
mod store_outages;

use std::time::Duration;

const EVENT: &str = "vault.connection.callable";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
