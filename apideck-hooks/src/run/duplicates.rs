//! Deliveries whose claim was not granted: they wait for the running delivery, or are answered from the record.
//!
//! # How it works
//!
//! A duplicate registers as a waiter first and reads the record's status afterwards. The delivery that settles a
//! record changes the record first and tells the waiters afterwards. So an end is never missed: either the status shows
//! it, or the waiter was registered in time to be told. The status is read again every half second, because another
//! process tells no waiter of this one.

use super::phase::grace_over;
use super::runner::Runner;
use crate::delivery::Key;
use crate::disposition::{Disposition, Why};
use crate::store::{Claimed, Status, Verdict};
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

/// Time between two looks at a record that a duplicate waits for.
const LOOK: Duration = Duration::from_millis(500);

impl Runner {
    /// Returns the disposition of a delivery whose claim was not granted.
    pub(super) async fn dispose_of_unclaimed(&self, claimed: Claimed) -> Disposition {
        match claimed.verdict {
            Verdict::Running { lease_left } => {
                Box::pin(self.wait_for_the_run(claimed.record, lease_left)).await
            }
            Verdict::Done => self.duplicate(),
            Verdict::Dead => self.duplicate_of_dead(),
            // A granted claim is run by its caller and does not come here.
            Verdict::Full | Verdict::Granted { .. } => {
                self.counters.store_full.add();
                tracing::error!("the idempotency store is full of running events");
                Disposition::later(Why::Busy)
            }
        }
    }

    /// Waits for the disposition of the delivery that runs the event, up to the wait for duplicates.
    async fn wait_for_the_run(&self, record: Key, lease_left: Duration) -> Disposition {
        let mut waiter = self.waiters.register(record);
        let mut left = lease_left;
        let mut patience = pin!(sleep(self.limits.duplicate_wait));
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
                () = &mut patience => return self.still_running(left),
                () = &mut stopped => return Disposition::later(Why::ShuttingDown),
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Counts a duplicate that gets the disposition of the delivery that ran the event.
    pub(super) fn shared(&self, disposition: Disposition) -> Disposition {
        self.counters.duplicates.add();
        tracing::info!("a duplicate: answered with the outcome of the delivery that ran the event");
        disposition
    }

    /// Counts a duplicate whose wait ended before the run did.
    pub(super) fn still_running(&self, left: Duration) -> Disposition {
        self.counters.busy.add();
        tracing::info!("a duplicate: the event's handler is still running");
        Disposition::later_in(Why::Running, left)
    }

    fn duplicate(&self) -> Disposition {
        self.counters.duplicates.add();
        tracing::info!("a duplicate: handled before");
        Disposition::Duplicate
    }

    /// Acknowledges a duplicate of a dead-lettered event only if the store keeps the dead letter.
    fn duplicate_of_dead(&self) -> Disposition {
        self.counters.duplicates.add();
        tracing::info!("a duplicate: dead-lettered before");
        if self.store.dead_letters().is_some() {
            Disposition::Duplicate
        } else {
            Disposition::Unprocessable
        }
    }

    /// Returns the disposition of a delivery that lost its claim to another one.
    pub(super) async fn disposition_of_successor(&self, record: Key) -> Disposition {
        match self.within_timeout(self.store.status(record)).await {
            Ok(Status::Done { .. }) => self.duplicate(),
            Ok(Status::Dead { .. }) => self.duplicate_of_dead(),
            Ok(Status::Running { lease_left, .. }) => Disposition::later_in(Why::Running, lease_left),
            Ok(Status::Released { .. } | Status::Absent) => Disposition::Failed,
            Err(_) => Disposition::later(Why::Store),
        }
    }
}
