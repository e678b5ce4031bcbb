//! The run of a handler that takes the store's transaction.
//!
//! # How it works
//!
//! The claim has committed by itself, as for every handler. The handler's effects and the end
//! `DONE` are one transaction, and the end applies only under the grant. So a run that has lost its
//! claim commits nothing. If the process dies, the database undoes the effects, and the claim ends
//! with its lease. Its attempt counts, so a handler that kills its process is dead-lettered in the
//! end.
//!
//! A failure rolls back first and is recorded afterwards, by a call of its own.
//!
//! A transaction that conflicts with another one has had no effect. It is run again in place, three
//! times at most. After that the claim is withdrawn.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::attend::Ended;
use super::granted::Granted;
use super::guard::Guard;
use super::job::{EventHandler, Job};
use super::runner::Runner;
use crate::disposition::{Disposition, Why};
use crate::handler::{Failure, Outcome};
use crate::store::{Begun, Committed, End, StoreError};

/// Number of runs of one claim whose transactions conflict.
const MAX_CONFLICTS: usize = 3;

/// The end of a handler's transaction.
enum Transacted {
    /// It was committed, with this outcome.
    Committed(Outcome),
    /// It was rolled back, because the run ended so.
    RolledBack(Ended),
    /// The run has lost its claim.
    Lost,
    /// It conflicted with others, again and again.
    Conflicted,
    /// It could not begin.
    NotBegun(Why),
    /// It was either committed or rolled back.
    Unknown,
}

impl Runner {
    /// Runs the handler under a granted claim. Its commit settles the event and the handler's
    /// effects together.
    pub(super) async fn run_in_transaction<'r, H: EventHandler>(
        &'r self,
        mut job: Job<H>,
        mut granted: Granted<'r>,
        mut guard: Guard<'_>,
    ) -> Disposition {
        let transacted = if granted.attempt > self.limits.max_attempts && job.replay_of.is_none() {
            Transacted::RolledBack(Ended::AttemptsUsedUp)
        } else {
            self.transact(&mut job.handler, &granted, &mut guard).await
        };
        let final_attempt = job.replay_of.is_some() || granted.lettered;
        let (end, disposition) = match transacted {
            Transacted::RolledBack(ended) => self.judge(ended, granted.attempt, final_attempt, &job.handler),
            Transacted::NotBegun(why) => (End::Withdraw, Disposition::later(why)),
            Transacted::Conflicted => {
                tracing::error!("the handler's transaction conflicted with others each time: answered 503");
                (End::Withdraw, Disposition::later(Why::Conflict))
            }
            Transacted::Committed(outcome) => {
                guard.disarm();
                let disposition = match outcome {
                    Outcome::Ignore => Disposition::Ignored,
                    _ => Disposition::Handled,
                };
                self.count(&End::Done, disposition);
                return self.tell(&mut granted, disposition);
            }
            Transacted::Lost => {
                guard.disarm();
                let disposition = Box::pin(self.superseded(granted.grant.record)).await;
                return self.tell(&mut granted, disposition);
            }
            // The record shows the outcome to the next delivery, when the lease has ended.
            Transacted::Unknown => {
                guard.disarm();
                return self.tell(&mut granted, Disposition::later(Why::Store));
            }
        };
        guard.disarm();
        self.settle(&mut granted, &end, disposition).await
    }

    /// Runs the handler in a transaction, and commits or rolls back.
    async fn transact<'r, H: EventHandler>(
        &'r self,
        handler: &mut H,
        granted: &Granted<'r>,
        guard: &mut Guard<'_>,
    ) -> Transacted {
        // `HooksBuilder::build` has checked that the store has transactions.
        let Some(transactions) = self.store.transactions() else {
            return self.not_begun(&StoreError::new("the store no longer has transactions"));
        };
        let mut conflicts = 0;
        loop {
            let (tx, ending) = match transactions.begin(self.limits.store_timeout).await {
                Ok(Begun::Open { tx, ending }) => (tx, ending),
                Ok(Begun::Busy) => {
                    self.counters.overloaded.add();
                    tracing::warn!("too many transactions are open: answered 503");
                    return Transacted::NotBegun(Why::Busy);
                }
                Err(error) => return self.not_begun(&error),
            };
            self.counters.runs.add();
            guard.run_began();
            let run = self.within(transactions.limit(), handler.run(granted.run_facts(), Some(tx)));
            let ended = self.attend(pin!(run), Some(granted)).await;
            // The handler has ended, so its `Tx` was dropped and the connection has come back.
            let outcome = match ended {
                Ended::Completed(outcome) if outcome.is_ok() => outcome,
                ended => {
                    ending.roll_back().await;
                    return Transacted::RolledBack(ended);
                }
            };
            match ending.commit(granted.grant).await {
                Committed::Yes => return Transacted::Committed(outcome),
                Committed::Lost => return Transacted::Lost,
                Committed::No(error) => {
                    let error = format!("the transaction was not committed: {error}");
                    return Transacted::RolledBack(Ended::Completed(Outcome::Retry(Failure::retry(error))));
                }
                Committed::Unknown(error) => {
                    self.counters.store_errors.add();
                    tracing::error!(%error, "the outcome of the commit is unknown: answered 503");
                    return Transacted::Unknown;
                }
                Committed::Conflict(error) => {
                    tracing::info!(%error, "the handler's transaction conflicted with another one");
                    conflicts += 1;
                    if conflicts == MAX_CONFLICTS {
                        return Transacted::Conflicted;
                    }
                }
            }
        }
    }

    /// Ends the handler at the time limit of its transaction, because the store rolls back then.
    async fn within(&self, limit: Option<Duration>, run: impl Future<Output = Outcome>) -> Outcome {
        let Some(limit) = limit else { return run.await };
        // A statement of its own, so that the handler's `Tx` is dropped before this returns.
        let ended = timeout(limit, run).await;
        ended.unwrap_or_else(|_| {
            self.counters.timeouts.add();
            Outcome::Retry(Failure::retry(format!(
                "the handler's transaction took longer than {limit:?}"
            )))
        })
    }

    /// `fail_open` does not help, because there is no transaction without the store.
    fn not_begun(&self, error: &StoreError) -> Transacted {
        self.counters.store_errors.add();
        tracing::error!(%error, "the transaction could not begin: answered 503");
        Transacted::NotBegun(Why::Store)
    }
}
