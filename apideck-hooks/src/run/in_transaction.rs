//! One delivery of an event whose handler takes the store's transaction.
//!
//! # How it works
//!
//! The claim, the handler's effects and the end are one transaction. A process that dies takes all three with it. A
//! failure rolls back, which undoes the claim too, so a second transaction counts the attempt or dead-letters the event.
//!
//! In this process one delivery at a time has the event's transaction. A duplicate registers as a waiter first, checks
//! that the transaction is still active, and waits for its disposition. The owner gives the right back before it tells
//! the waiters. So a duplicate finds the right free, or is told.

use super::attend::Ended;
use super::phase::grace_over;
use super::runner::{Job, Runner};
use crate::delivery::{Key, Keys};
use crate::disposition::{Disposition, Why};
use crate::handler::{Failure, Outcome};
use crate::store::{AnyTx, Begun, Claim, Committed, End, Open, Transactions, Verdict};
use std::future::Future;
use std::pin::pin;
use tokio::time::sleep;

impl Runner {
    /// Runs the event's handler in a transaction, whose commit settles the event and the handler's effects at once.
    pub(crate) async fn deliver_in_transaction<F, R>(&self, job: Job<'_, F>) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        // `build` has checked that the store gives transactions.
        let Some(transactions) = self.store.transactions() else {
            self.counters.store_errors.add();
            tracing::error!("the store no longer gives transactions");
            return Disposition::later(Why::Store);
        };
        let event = job.keys.event;
        let active = loop {
            if let Some(active) = self.active_transactions.enter(event) {
                break active;
            }
            if let Some(disposition) = self.wait_for_the_transaction(event).await {
                return disposition;
            }
        };
        let disposition = self.transact(transactions, job).await;
        // In this order, because a duplicate that finds the transaction active relies on being told.
        drop(active);
        self.waiters.settle(event, disposition);
        disposition
    }

    /// Waits for the disposition of the delivery that has the event's transaction. `None` if that delivery has ended.
    async fn wait_for_the_transaction(&self, event: Key) -> Option<Disposition> {
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

    async fn transact<F, R>(&self, transactions: &dyn Transactions, job: Job<'_, F>) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        let claim = Claim::new(job.keys.event, job.keys.delivery, self.limits.lease);
        match transactions.begin(claim, self.limits.store_timeout).await {
            Ok(Begun::Open(open)) if open.claimed.record != job.keys.event => {
                self.warn_of_reuse();
                // That record waits for its own event's retry, which this delivery must not use up.
                open.give_back().await;
                let keys = Keys {
                    delivery: None,
                    ..job.keys
                };
                Box::pin(self.transact(transactions, Job { keys, ..job })).await
            }
            Ok(Begun::Open(open)) => self.run_open(transactions, job, open).await,
            Ok(Begun::Not(claimed)) => {
                if claimed.record != job.keys.event {
                    self.warn_of_reuse();
                }
                self.dispose_of_unclaimed(claimed).await
            }
            Ok(Begun::Locked) => self.still_running(Disposition::USUAL_WAIT),
            Ok(Begun::Busy) => {
                self.counters.overloaded.add();
                tracing::warn!("too many transactions are open");
                Disposition::later(Why::Busy)
            }
            // Even with `fail_open`, because there is no transaction without the store.
            Err(error) => {
                self.counters.store_errors.add();
                tracing::error!(%error, "no transaction: answered 503");
                Disposition::later(Why::Store)
            }
        }
    }

    async fn run_open<F, R>(
        &self,
        transactions: &dyn Transactions,
        job: Job<'_, F>,
        open: Open,
    ) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        let Open {
            attempt, tx, ending, ..
        } = open;
        let ended = if attempt > self.limits.max_attempts {
            drop(tx);
            Ended::without_an_end()
        } else {
            self.counters.runs.add();
            self.attend(pin!((job.handler)(attempt, Some(tx))), None).await
        };
        // The handler has ended and given the transaction back.
        let ended = match ended {
            Ended::Itself(outcome) if outcome.is_ok() => match ending.commit().await {
                Committed::Yes => Ended::Itself(outcome),
                Committed::No(error) => {
                    let error = format!("its transaction was not committed: {error}");
                    Ended::Itself(Outcome::Retry(Failure::retry(error)))
                }
                Committed::Unknown(error) => {
                    self.counters.store_errors.add();
                    tracing::error!(
                        %error,
                        "the commit's outcome is unknown until the next delivery: answered 503"
                    );
                    return Disposition::later(Why::Store);
                }
            },
            ended => {
                ending.roll_back().await;
                ended
            }
        };
        // A stopped handler has not failed, and its rollback has undone the claim.
        let counts = !matches!(ended, Ended::Stopped);
        let (end, disposition) = self.judge(ended, attempt, job.replay, job.text);
        match end {
            End::Release | End::Dead(_) if counts => {
                self.count_attempt(transactions, job.keys, end, disposition).await
            }
            _ => disposition,
        }
    }

    /// Records a failed run, whose claim was rolled back with its effects.
    async fn count_attempt(
        &self,
        transactions: &dyn Transactions,
        keys: Keys,
        end: End,
        disposition: Disposition,
    ) -> Disposition {
        // A dead letter that was not stored must not be acknowledged.
        let uncounted = if matches!(end, End::Dead(_)) {
            Disposition::later(Why::Store)
        } else {
            disposition
        };
        let claim = Claim::new(keys.event, keys.delivery, self.limits.lease);
        let claimed = match self.within_timeout(transactions.count(claim, end)).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.counters.store_errors.add();
                tracing::error!(%error, "a failed attempt could not be counted");
                return uncounted;
            }
        };
        match claimed.verdict {
            Verdict::Granted { .. } if claimed.record == keys.event => disposition,
            // The delivery key was bound to another event meanwhile.
            Verdict::Granted { .. } => uncounted,
            // Another process was faster: it runs the event or has settled it.
            Verdict::Running { lease_left } => Disposition::later_in(Why::Running, lease_left),
            Verdict::Done | Verdict::Dead | Verdict::Full => self.dispose_of_unclaimed(claimed).await,
        }
    }
}

impl Open {
    /// Undoes the claim.
    async fn give_back(self) {
        drop(self.tx);
        self.ending.roll_back().await;
    }
}
