//! Deliveries whose claim was not granted.
//!
//! # How it works
//!
//! A duplicate of a settled event is answered from the record. A duplicate of a running event waits
//! for the disposition of the delivery that runs it, up to `duplicate_wait`.
//!
//! That duplicate registers as a waiter first. If the owner is in this process, it is told by the
//! owner and never looks at the store (`owners`). Otherwise one waiter of each record reads the
//! record's status every half second and tells the others. It holds the queue's `look` lock
//! meanwhile. When it leaves, the next waiter gets the lock.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::deliver::Unclaimed;
use super::granted::Granted;
use super::phase::grace_over;
use super::runner::Runner;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::observe::{About, IncidentKind, StoreOperation};
use crate::store::{Claimed, RecordState, Verdict};

/// Time between two looks at the record of a running event.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

impl Runner {
    /// Returns the disposition of a job whose claim was not granted. A delivery waits for a running
    /// one. A replay and a worker do not wait, and are told that a dead letter is kept.
    pub(super) fn dispose_of_unclaimed(
        &self,
        claimed: &Claimed,
        waits: bool,
        about: Option<&About>,
    ) -> Unclaimed {
        if claimed.lettered {
            self.incident(IncidentKind::DeadLettered, about);
            tracing::error!(
                record = %claimed.record,
                "the last delivery of the event came while it could not run: it is dead-lettered"
            );
            return Unclaimed::Settled(Disposition::DeadLettered);
        }
        Unclaimed::Settled(match claimed.verdict {
            Verdict::Running { lease_left, .. } if !waits => Disposition::later_in(Why::Running, lease_left),
            Verdict::Running { kept: false, .. } => return Unclaimed::Running(claimed.record),
            Verdict::Running { kept: true, .. } => {
                tracing::info!("the event's handler is running, and a dead letter of it is kept");
                Disposition::Duplicate
            }
            Verdict::Done => Disposition::Duplicate,
            Verdict::Accepted => {
                tracing::info!("the inbox has accepted the event before");
                Disposition::Accepted
            }
            Verdict::Dead { kept: true } if !waits => Disposition::DeadLettered,
            Verdict::Dead { kept } => {
                tracing::info!("the event was dead-lettered before");
                Self::of_dead(kept)
            }
            Verdict::Resting { left } => {
                tracing::info!(
                    record = %claimed.record,
                    seconds = left.as_secs_f32().ceil(),
                    "the event rests after its last run: answered 503 (`Hooks::end_rest` with this record ends the rest)"
                );
                Disposition::later_in(Why::Resting, left)
            }
            // A granted claim does not come here, because its caller runs the handler.
            Verdict::Full | Verdict::Granted { .. } => {
                self.incident(IncidentKind::StoreFull, about);
                tracing::error!("the store is full of running events: answered 503");
                Disposition::later(Why::Busy)
            }
        })
    }

    /// Waits for the disposition of the delivery that runs the event, up to `duplicate_wait`.
    pub(crate) async fn wait_for_run(&self, record: Key) -> Disposition {
        let Some(mut waiter) = self.waiters.register(record) else {
            return self.still_running();
        };
        let look = waiter.look();
        let mut phase = self.phase.clone();
        let mut stopped = pin!(grace_over(&mut phase));
        let mut time_out = pin!(sleep(self.limits.duplicate_wait));
        let mut looking = pin!(async {
            // Asked after the waiter was registered, so its owner tells it.
            if self.owners.contains(record) {
                return std::future::pending().await;
            }
            let _turn = look.lock().await;
            self.look_until_settled(record).await
        });
        tokio::select! {
            biased;
            disposition = waiter.disposition() => shared(disposition),
            disposition = &mut looking => {
                self.waiters.settle(record, disposition);
                shared(disposition)
            }
            () = &mut time_out => self.still_running(),
            () = &mut stopped => Disposition::later(Why::ShuttingDown),
        }
    }

    /// Reads the record's status until its run has ended. Returns the disposition of a duplicate.
    async fn look_until_settled(&self, record: Key) -> Disposition {
        loop {
            match self.call(StoreOperation::Status, self.store.status(record)).await {
                Ok(status) => match status.state {
                    RecordState::Running { .. } => {}
                    RecordState::Done => return Disposition::Duplicate,
                    RecordState::Waiting { .. } => return Disposition::Accepted,
                    RecordState::Dead => return Self::of_dead(status.kept),
                    // No run has failed: the claim was withdrawn, or a shutdown stopped the run.
                    RecordState::Released { .. } | RecordState::Absent if status.attempts == 0 => {
                        return Disposition::later(Why::Running);
                    }
                    RecordState::Released { .. } | RecordState::Absent => return Disposition::Failed,
                },
                Err(error) => {
                    self.store_failed(&error, None);
                    tracing::warn!(%error, "the status of a running event could not be read");
                }
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Returns the disposition of a duplicate whose wait ended before the run did.
    fn still_running(&self) -> Disposition {
        Disposition::later_in(Why::Running, self.limits.lease)
    }

    /// Returns the disposition of a duplicate of a dead-lettered event. It is acknowledged only if
    /// the store keeps the dead letter.
    fn of_dead(kept: bool) -> Disposition {
        if kept {
            Disposition::Duplicate
        } else {
            Disposition::Unprocessable
        }
    }

    /// Returns the disposition of a delivery that lost its claim during its run.
    pub(super) async fn superseded(&self, granted: &Granted<'_>) -> Disposition {
        self.incident(IncidentKind::ClaimLost, granted.about());
        tracing::warn!("the claim was lost: another delivery of this event has taken over");
        match self
            .call(StoreOperation::Status, self.store.status(granted.grant.record))
            .await
        {
            Ok(status) => match status.state {
                RecordState::Done => Disposition::Duplicate,
                RecordState::Waiting { .. } => Disposition::Accepted,
                RecordState::Dead => Self::of_dead(status.kept),
                RecordState::Running { .. } if status.kept => Disposition::Duplicate,
                RecordState::Running { lease_left } => Disposition::later_in(Why::Running, lease_left),
                RecordState::Released { .. } | RecordState::Absent => Disposition::Failed,
            },
            Err(error) => {
                self.store_failed(&error, granted.about());
                Disposition::later(Why::Store)
            }
        }
    }
}

/// Logs that a duplicate shares the disposition of the delivery that ran the event.
fn shared(disposition: Disposition) -> Disposition {
    tracing::info!("a duplicate: it gets the answer of the delivery that ran the event");
    disposition
}
