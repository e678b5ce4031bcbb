//! Takes away what its retention is over of.

use super::call::{query, rows};
use super::connections::Connections;
use super::limits::{Limits, micros};
use super::statements::Statements;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// Rows of one statement: so few are locked and written at once that a claim hardly waits.
const BATCH: u16 = 1000;

/// Between two batches, for the others.
const PAUSE: Duration = Duration::from_millis(50);

const SHORTEST: Duration = Duration::from_millis(10);
/// Near enough to be added to any instant.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A task that ends when this is dropped.
pub(super) struct Sweeper(AbortHandle);

impl Sweeper {
    /// Needs a tokio runtime.
    pub(super) fn start(connections: &Connections, statements: &Arc<Statements>, limits: &Limits) -> Self {
        let (connections, statements) = (connections.clone(), Arc::clone(statements));
        let retention = limits.retention;
        let pause = limits.sweep_every.clamp(SHORTEST, LONGEST);
        let task = tokio::spawn(async move {
            loop {
                sleep(pause).await;
                if let Err(error) = sweep(&connections, &statements, retention).await {
                    tracing::warn!(%error, "what is over could not be swept; trying again");
                }
            }
        });
        Sweeper(task.abort_handle())
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// In batches, until nothing is left that another sweeper has not taken.
pub(super) async fn sweep(
    connections: &Connections,
    statements: &Statements,
    retention: Duration,
) -> Result<u64, StoreError> {
    let mut swept = 0;
    for statement in [&statements.sweep_records, &statements.sweep_aliases] {
        loop {
            let query = query(statement).bind(micros(retention)).bind(i64::from(BATCH));
            let batch = rows(connections, query).await?.len();
            swept += batch as u64;
            if batch < usize::from(BATCH) {
                break;
            }
            sleep(PAUSE).await;
        }
    }
    Ok(swept)
}
