//! One delivery of an event whose handler takes the store's transaction.
//!
//! # How it works
//!
//! The claim, the handler's effects and the end are one transaction. If the process dies, the
//! database undoes all three. A failure rolls back, which undoes the claim too. So a second
//! transaction counts the attempt or dead-letters the event.
//!
//! In this process one delivery at a time has the event's transaction. A duplicate registers as a
//! waiter first, checks that the transaction is still active, and then waits for its disposition.
//! The owner of the transaction ends it first and tells the waiters afterwards. So a duplicate
//! either finds no active transaction, or is told.

use std::future::Future;
use std::pin::pin;

use super::attend::Ended;
use super::runner::{Job, Runner};
use crate::delivery::Keys;
use crate::disposition::{Disposition, Why};
use crate::handler::{Failure, Outcome};
use crate::store::{AnyTx, Begun, Claim, Committed, End, Open, Transactions, Verdict};

impl Runner {
    /// Runs the event's handler in a transaction. Its commit settles the event and the handler's
    /// effects together.
    pub(crate) async fn deliver_in_transaction<F, R>(&self, job: Job<'_, F>) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        // `HooksBuilder::build` has checked that the store has transactions.
        let Some(transactions) = self.store.transactions() else {
            self.counters.store_errors.add();
            tracing::error!("the store no longer has transactions: answered 503");
            return Disposition::later(Why::Store);
        };
        let event = job.keys.event;
        let active = loop {
            if let Some(active) = self.active_transactions.enter(event) {
                break active;
            }
            if let Some(disposition) = self.wait_for_transaction(event).await {
                return disposition;
            }
        };
        let disposition = self.transact(transactions, job).await;
        // In this order, because a duplicate that finds an active transaction waits to be told.
        drop(active);
        self.waiters.settle(event, disposition);
        disposition
    }

    /// Begins the transaction and runs the handler in it, unless the claim is not granted.
    async fn transact<F, R>(&self, transactions: &dyn Transactions, job: Job<'_, F>) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        let claim = Claim::new(job.keys.event, job.keys.delivery, self.limits.lease);
        match transactions.begin(claim, self.limits.store_timeout).await {
            Ok(Begun::Open(open)) if open.claimed.record != job.keys.event => {
                self.warn_of_reuse();
                // That record waits for its own event's retry.
                open.undo().await;
                let keys = Keys {
                    delivery: None,
                    ..job.keys
                };
                Box::pin(self.transact(transactions, Job { keys, ..job })).await
            }
            Ok(Begun::Open(open)) => self.run_open(transactions, job, open).await,
            Ok(Begun::NotGranted(claimed)) => {
                if claimed.record != job.keys.event {
                    self.warn_of_reuse();
                }
                self.dispose_of_unclaimed(claimed).await
            }
            Ok(Begun::Locked) => self.still_running(Disposition::USUAL_WAIT),
            Ok(Begun::Busy) => {
                self.counters.overloaded.add();
                tracing::warn!("too many transactions are open: answered 503");
                Disposition::later(Why::Busy)
            }
            // `fail_open` does not help, because there is no transaction without the store.
            Err(error) => {
                self.counters.store_errors.add();
                tracing::error!(%error, "the transaction could not begin: answered 503");
                Disposition::later(Why::Store)
            }
        }
    }

    /// Runs the handler in an open transaction, and commits or rolls back.
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
            Ended::attempts_used_up()
        } else {
            self.counters.runs.add();
            self.attend(pin!((job.handler)(attempt, Some(tx))), None).await
        };
        // The handler has ended, so its `Tx` was dropped and the connection has come back.
        let ended = match ended {
            Ended::Completed(outcome) if outcome.is_ok() => match ending.commit().await {
                Committed::Yes => Ended::Completed(outcome),
                Committed::No(error) => {
                    let error = format!("the transaction was not committed: {error}");
                    Ended::Completed(Outcome::Retry(Failure::retry(error)))
                }
                Committed::Unknown(error) => {
                    self.counters.store_errors.add();
                    tracing::error!(
                        %error,
                        "the outcome of the commit is unknown: answered 503"
                    );
                    return Disposition::later(Why::Store);
                }
            },
            ended => {
                ending.roll_back().await;
                ended
            }
        };
        // A handler that a shutdown stopped has not failed, so its attempt is not counted.
        let counts = !matches!(ended, Ended::Stopped);
        let (end, disposition) = self.judge(ended, attempt, job.replay, job.text);
        match end {
            End::Release | End::Dead(_) if counts => {
                self.count_attempt(transactions, job.keys, end, disposition).await
            }
            _ => disposition,
        }
    }

    /// Records a failed run, because the rollback has undone its claim.
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
            // The delivery key was bound to another event's record meanwhile.
            Verdict::Granted { .. } => uncounted,
            // Another process has claimed the event meanwhile, or has settled it.
            Verdict::Running { lease_left } => Disposition::later_in(Why::Running, lease_left),
            Verdict::Done | Verdict::Dead | Verdict::Full => self.dispose_of_unclaimed(claimed).await,
        }
    }
}

impl Open {
    /// Rolls the transaction back, which undoes the claim.
    async fn undo(self) {
        drop(self.tx);
        self.ending.roll_back().await;
    }
}
