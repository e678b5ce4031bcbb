//! Deliveries whose claim was not granted.
//!
//! # How it works
//!
//! A duplicate of a settled event is answered from the record. A duplicate of a running event waits
//! for the disposition of the delivery that runs it, up to `duplicate_wait`.
//!
//! That duplicate registers as a waiter first and reads the record's status afterwards. The running
//! delivery changes the record first and tells the waiters afterwards. So no end is missed: either
//! the status shows it, or the waiter was registered in time to be told.
//!
//! The status is read again every half second, because a delivery of another process cannot tell
//! the waiters of this one.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::phase::grace_over;
use super::runner::Runner;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::store::{Claimed, Status, Verdict};

/// Time between two reads of the status of a running event.
const STATUS_INTERVAL: Duration = Duration::from_millis(500);

impl Runner {
    /// Returns the disposition of a delivery whose claim was not granted.
    pub(super) async fn dispose_of_unclaimed(&self, claimed: Claimed) -> Disposition {
        match claimed.verdict {
            Verdict::Running { lease_left } => Box::pin(self.wait_for_run(claimed.record, lease_left)).await,
            Verdict::Done => self.duplicate(),
            Verdict::Dead => self.duplicate_of_dead(),
            // A granted claim does not come here, because its caller runs the handler.
            Verdict::Full | Verdict::Granted { .. } => {
                self.counters.store_full.add();
                tracing::error!("the store is full of running events: answered 503");
                Disposition::later(Why::Busy)
            }
        }
    }

    /// Waits for the disposition of the delivery that runs the event, up to `duplicate_wait`.
    async fn wait_for_run(&self, record: Key, lease_left: Duration) -> Disposition {
        let mut waiter = self.waiters.register(record);
        let mut left = lease_left;
        let mut time_out = pin!(sleep(self.limits.duplicate_wait));
        let mut phase = self.phase.clone();
        let mut stopped = pin!(grace_over(&mut phase));
        loop {
            match self.within_timeout(self.store.status(record)).await {
                Ok(Status::Done { .. }) => return self.duplicate(),
                Ok(Status::Dead { .. }) => return self.duplicate_of_dead(),
                Ok(Status::Released { .. }) => return Disposition::Failed,
                Ok(Status::Running { lease_left, .. }) => left = lease_left,
                Ok(Status::Absent) => left = Duration::ZERO,
                Err(error) => {
                    self.counters.store_errors.add();
                    tracing::warn!(%error, "the status of a running event could not be read");
                }
            }
            tokio::select! {
                biased;
                disposition = waiter.disposition() => return self.shared(disposition),
                () = &mut time_out => return self.still_running(left),
                () = &mut stopped => return Disposition::later(Why::ShuttingDown),
                () = sleep(STATUS_INTERVAL) => {}
            }
        }
    }

    /// Waits for the disposition of the delivery that has the event's transaction. Returns `None`
    /// if that delivery has already ended.
    pub(super) async fn wait_for_transaction(&self, event: Key) -> Option<Disposition> {
        let mut waiter = self.waiters.register(event);
        if !self.active_transactions.contains(event) {
            return None;
        }
        let mut phase = self.phase.clone();
        tokio::select! {
            biased;
            disposition = waiter.disposition() => Some(self.shared(disposition)),
            () = sleep(self.limits.duplicate_wait) => Some(self.still_running(Disposition::USUAL_WAIT)),
            () = grace_over(&mut phase) => Some(Disposition::later(Why::ShuttingDown)),
        }
    }

    /// Counts a duplicate that shares the disposition of the delivery that ran the event.
    pub(super) fn shared(&self, disposition: Disposition) -> Disposition {
        self.counters.duplicates.add();
        tracing::info!("duplicate: it gets the outcome of the delivery that ran the event");
        disposition
    }

    /// Counts a duplicate whose wait ended before the run did.
    pub(super) fn still_running(&self, left: Duration) -> Disposition {
        self.counters.busy.add();
        tracing::info!("duplicate: the event's handler is still running");
        Disposition::later_in(Why::Running, left)
    }

    /// Counts a duplicate of a handled event.
    fn duplicate(&self) -> Disposition {
        self.counters.duplicates.add();
        tracing::info!("duplicate: the event was handled before");
        Disposition::Duplicate
    }

    /// Counts a duplicate of a dead-lettered event. It is acknowledged only if the store keeps the
    /// dead letter.
    fn duplicate_of_dead(&self) -> Disposition {
        self.counters.duplicates.add();
        tracing::info!("duplicate: the event was dead-lettered before");
        if self.store.dead_letters().is_some() {
            Disposition::Duplicate
        } else {
            Disposition::Unprocessable
        }
    }

    /// Returns the disposition of a delivery that lost its claim during its run.
    pub(super) async fn superseded(&self, record: Key) -> Disposition {
        self.counters.lost.add();
        tracing::warn!("the claim was lost: another delivery of this event has taken over");
        match self.within_timeout(self.store.status(record)).await {
            Ok(Status::Done { .. }) => self.duplicate(),
            Ok(Status::Dead { .. }) => self.duplicate_of_dead(),
            Ok(Status::Running { lease_left, .. }) => Disposition::later_in(Why::Running, lease_left),
            Ok(Status::Released { .. } | Status::Absent) => Disposition::Failed,
            Err(_) => Disposition::later(Why::Store),
        }
    }
}
