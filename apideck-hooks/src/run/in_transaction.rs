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
//! times at most. After that the claim is withdrawn. A worker's run counts as failed then.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::attend::Ended;
use super::granted::Granted;
use super::guard::Guard;
use super::job::{EventHandler, Job};
use super::judge::Judged;
use super::runner::Runner;
use crate::disposition::{Disposition, Why};
use crate::handler::{Failure, Outcome};
use crate::observe::{IncidentKind, ObservedRun, RunOutcome, StoreOperation, StoreResult};
use crate::store::{Begun, Committed, Ending, StoreError};

/// Number of runs of one claim whose transactions conflict.
const MAX_CONFLICTS: u32 = 3;

/// Pause before the second run, so that the other transaction can end first. It grows with each
/// run.
const CONFLICT_PAUSE: Duration = Duration::from_millis(10);

/// Time for which a worker keeps an event whose transaction could not begin. Nobody else paces it,
/// and it would be claimed again at once.
const NOT_BEGUN: Duration = Duration::from_secs(1);

/// The end of a handler's transaction.
enum Transacted<'a> {
    /// It was committed.
    Committed(Disposition),
    /// It was rolled back, because the run ended so. Without a run all attempts were used up.
    RolledBack(Option<ObservedRun<'a>>, Ended),
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
        let transacted = if granted.of.attempt > self.limits.max_attempts && job.replay_of.is_none() {
            Transacted::RolledBack(None, Ended::AttemptsUsedUp)
        } else {
            self.transact(&mut job.handler, &granted, &mut guard).await
        };
        let final_attempt = granted.is_final(job.replay_of.is_some());
        let (run, judged) = match transacted {
            Transacted::RolledBack(run, ended) => {
                let judged = self.judge(ended, &granted, final_attempt, &job.handler);
                (run, judged)
            }
            Transacted::NotBegun(why) => {
                if granted.worker.is_some() {
                    sleep(NOT_BEGUN).await;
                }
                (None, Judged::withdrawn(why))
            }
            // Nobody else paces a worker, so it is a failure that rests and counts.
            Transacted::Conflicted if granted.worker.is_some() => {
                let error = "the handler's transaction conflicted with others each time";
                let ended = Ended::Completed(Outcome::Retry(Failure::retry(error)));
                (None, self.judge(ended, &granted, final_attempt, &job.handler))
            }
            Transacted::Conflicted => {
                tracing::error!("the handler's transaction conflicted with others each time: answered 503");
                (None, Judged::withdrawn(Why::Conflict))
            }
            Transacted::Committed(disposition) => {
                guard.disarm();
                return self.tell(&mut granted, disposition);
            }
            Transacted::Lost => {
                guard.disarm();
                let disposition = Box::pin(self.superseded(&granted)).await;
                return self.tell(&mut granted, disposition);
            }
            // The record shows the outcome to the next delivery, when the lease has ended.
            Transacted::Unknown => {
                guard.disarm();
                let disposition = self.acknowledged(&granted, Disposition::later(Why::Store));
                return self.tell(&mut granted, disposition);
            }
        };
        guard.disarm();
        self.settle(&mut granted, run, judged).await
    }

    /// Runs the handler in a transaction, and commits or rolls back.
    async fn transact<'r, H: EventHandler>(
        &'r self,
        handler: &mut H,
        granted: &Granted<'r>,
        guard: &mut Guard<'_>,
    ) -> Transacted<'r> {
        // `HooksBuilder::build` has checked that the store has transactions.
        let Some(transactions) = self.store.transactions() else {
            let error = StoreError::new("the store no longer has transactions");
            return self.not_begun(&error, granted);
        };
        let mut conflicts = 0;
        loop {
            let begun = Instant::now();
            let opened = transactions.begin(self.limits.store_timeout).await;
            self.transaction_called(StoreOperation::Begin, opened.is_ok(), begun);
            let (tx, ending) = match opened {
                Ok(Begun::Open { tx, ending }) => (tx, ending),
                Ok(Begun::Busy) => {
                    tracing::warn!("too many transactions are open: answered 503");
                    return Transacted::NotBegun(Why::Busy);
                }
                Err(error) => return self.not_begun(&error, granted),
            };
            let run = ObservedRun::start(&self.observers, granted.of.clone());
            guard.run_began();
            let handled = handler.run(granted.run_facts(), Some(tx));
            let handled = self.within(transactions.limit(), handled, granted);
            // Pinned within the statement, so that the handler's `Tx` is dropped at its end.
            let ended = self.attend(pin!(handled), Some(granted)).await;
            // The handler has ended, so its `Tx` was dropped and the connection has come back.
            let outcome = match ended {
                Ended::Completed(outcome) if outcome.is_ok() => outcome,
                ended => {
                    ending.roll_back().await;
                    return Transacted::RolledBack(Some(run), ended);
                }
            };
            match self.commit(ending, outcome, run, granted).await {
                Some(transacted) => return transacted,
                None => conflicts += 1,
            }
            if conflicts == MAX_CONFLICTS {
                return Transacted::Conflicted;
            }
            sleep(CONFLICT_PAUSE * conflicts).await;
        }
    }

    /// Commits. Returns `None` if the transaction conflicted with another one.
    async fn commit<'r>(
        &'r self,
        ending: Box<dyn Ending>,
        outcome: Outcome,
        run: ObservedRun<'r>,
        granted: &Granted<'r>,
    ) -> Option<Transacted<'r>> {
        let begun = Instant::now();
        let committed = ending.commit(granted.grant).await;
        let answered = !matches!(committed, Committed::Unknown(_));
        self.transaction_called(StoreOperation::Commit, answered, begun);
        Some(match committed {
            Committed::Yes => {
                let (told, disposition) = match outcome {
                    Outcome::Ignore => (RunOutcome::Ignored, Disposition::Ignored),
                    _ => (RunOutcome::Handled, Disposition::Handled),
                };
                run.end(told, None);
                Transacted::Committed(disposition)
            }
            Committed::Lost => {
                run.end(RunOutcome::ClaimLost, None);
                Transacted::Lost
            }
            Committed::No(error) => {
                let error = format!("the transaction could not be committed: {error}");
                let ended = Ended::Completed(Outcome::Retry(Failure::retry(error)));
                Transacted::RolledBack(Some(run), ended)
            }
            Committed::Unknown(error) => {
                run.end(RunOutcome::Unrecorded, None);
                self.store_failed(&error, granted.about());
                tracing::error!(%error, "the outcome of the commit is unknown: answered 503");
                Transacted::Unknown
            }
            Committed::Conflict(error) => {
                run.end(RunOutcome::Conflicted, None);
                tracing::info!(%error, "the handler's transaction conflicted with another one");
                return None;
            }
        })
    }

    /// Ends the handler at the time limit of its transaction, because the store rolls back then.
    async fn within(
        &self,
        limit: Option<Duration>,
        run: impl Future<Output = Outcome>,
        granted: &Granted<'_>,
    ) -> Outcome {
        let Some(limit) = limit else { return run.await };
        // A statement of its own, so that the handler's `Tx` is dropped before this returns.
        let ended = timeout(limit, run).await;
        ended.unwrap_or_else(|_| {
            self.incident(IncidentKind::TimedOut, granted.about());
            Outcome::Retry(Failure::retry(format!(
                "the handler's transaction took longer than {limit:?}"
            )))
        })
    }

    /// `fail_open` does not help, because there is no transaction without the store.
    fn not_begun(&self, error: &StoreError, granted: &Granted<'_>) -> Transacted<'static> {
        self.store_failed(error, granted.about());
        tracing::error!(%error, "the transaction could not begin: answered 503");
        Transacted::NotBegun(Why::Store)
    }

    /// Tells of a call to the store that begins or ends a transaction.
    fn transaction_called(&self, operation: StoreOperation, answered: bool, begun: Instant) {
        let result = if answered {
            StoreResult::Ok
        } else {
            StoreResult::Failed
        };
        self.observers.store_called(operation, result, || begun.elapsed());
    }
}
