//! Whole deliveries on the memory store. Most tests pause the clock, so that hours pass at once.

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
