//! Whole deliveries on stores in memory. Most tests pause the clock, so that hours pass at once.

mod context;
mod duplicates;
mod failures;
mod identity;
mod last_deliveries;
mod leases;
mod letters;
mod limits;
mod rests;
mod shutdown;
#[cfg(unix)]
mod signals;
mod sources;
mod store_outages;

use apideck_hooks::store::RecordState;
use apideck_hooks::testing::Event;
use apideck_hooks_tests::kit::event;
use apideck_hooks_tests::spy::Spy;
use std::time::Duration;

const EVENT: &str = "vault.connection.callable";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A pause after which no event rests: Apideck's longest.
async fn rest() {
    tokio::time::sleep(secs(4 * 3600)).await;
}

/// The state and the number of attempts of the record that was claimed last. A released record has
/// rested.
async fn state(spy: &Spy) -> (RecordState, u32) {
    let status = spy.last_status().await;
    let state = match status.state {
        RecordState::Released { .. } => RELEASED,
        state => state,
    };
    (state, status.attempts)
}

const RELEASED: RecordState = RecordState::Released { left: Duration::ZERO };

/// A delivery of an event with this count of deliveries.
fn delivery_number(event_id: &str, execution_attempt: u32) -> Event {
    event(EVENT, event_id).attempt(execution_attempt)
}
