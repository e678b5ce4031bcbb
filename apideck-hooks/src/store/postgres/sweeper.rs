//! Deletes expired records and aliases.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::call::Call;
use super::claims::time;
use super::connections::Connections;
use super::limits::RecordLimits;
use super::row::number;
use crate::store::StoreError;
use crate::store::losses::Unfinished;

/// Rows of one statement. It locks few rows at once, so a claim hardly waits.
const BATCH: u64 = 1000;

/// Pause between two batches, for other statements.
const PAUSE: Duration = Duration::from_millis(50);

const SHORTEST: Duration = Duration::from_millis(10);
/// Any longer time may overflow an instant.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A task that ends when this is dropped.
pub(super) struct Sweeper(AbortHandle);

impl Sweeper {
    /// Starts the task in the current runtime.
    pub(super) fn start(
        connections: &Connections,
        limits: RecordLimits,
        unfinished: &Arc<Unfinished>,
    ) -> Self {
        let (connections, unfinished) = (connections.clone(), Arc::clone(unfinished));
        let pause = limits.sweep_every.clamp(SHORTEST, LONGEST);
        let task = tokio::spawn(async move {
            loop {
                sleep(pause).await;
                if let Err(error) = sweep(&connections, limits, &unfinished).await {
                    tracing::warn!(%error, "expired records could not be swept, and the next sweep tries again");
                }
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Deletes in batches until nothing is left that another sweeper has not taken. Returns the number
/// of rows.
pub(super) async fn sweep(
    connections: &Connections,
    limits: RecordLimits,
    unfinished: &Unfinished,
) -> Result<u64, StoreError> {
    let statements = connections.statements();
    let batch = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let (mut records, mut running, mut aliases) = (0, 0, 0);
    loop {
        let call = Call::new(&statements.sweep_records);
        let rows = connections
            .call(call.bind(time(limits.retention)).bind(batch))
            .await?;
        let swept = number(&rows[0], 2)?;
        records += swept;
        let ended = number(&rows[0], 3)?;
        unfinished.add(ended);
        running += ended;
        if swept < BATCH {
            break;
        }
        sleep(PAUSE).await;
    }
    loop {
        let rows = connections
            .call(Call::new(&statements.sweep_aliases).bind(batch))
            .await?;
        let swept = number(&rows[0], 2)?;
        aliases += swept;
        if swept < BATCH {
            break;
        }
        sleep(PAUSE).await;
    }
    if running > 0 {
        tracing::warn!(
            running,
            "swept events whose run has never ended and that were not sent again"
        );
    }
    if records + aliases > 0 {
        tracing::debug!(records, aliases, "swept expired records and delivery keys");
    }
    Ok(records + aliases)
}
