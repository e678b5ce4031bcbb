//! Turning the end of a run into a change of its record and a disposition.

use std::time::Duration;

use super::attend::Ended;
use super::finish::Recorded;
use super::granted::Granted;
use super::job::{EventHandler, WorkerPart};
use super::runner::Runner;
use crate::disposition::{Disposition, Why};
use crate::handler::{Failure, Outcome};
use crate::observe::RunOutcome;
use crate::store::End;

impl Runner {
    /// Decides how the record ends, and the delivery's disposition. With `final_attempt` any
    /// failure dead-letters the event.
    pub(super) fn judge(
        &self,
        ended: Ended,
        granted: &Granted<'_>,
        final_attempt: bool,
        handler: &impl EventHandler,
    ) -> Judged {
        let worker = granted.worker.as_deref();
        self.judged(ended, granted.of.attempt, worker, final_attempt, handler)
    }

    /// Decides the disposition of a delivery that runs without a claim. Without a record there is
    /// no last attempt.
    pub(super) fn judge_unclaimed(&self, ended: Ended, handler: &impl EventHandler) -> Judged {
        self.judged(ended, 0, None, false, handler)
    }

    fn judged(
        &self,
        ended: Ended,
        attempt: u32,
        worker: Option<&WorkerPart>,
        final_attempt: bool,
        handler: &impl EventHandler,
    ) -> Judged {
        let judged = |end, disposition| Judged {
            end,
            disposition,
            error: None,
        };
        let (failure, began) = match ended {
            Ended::Stopped => {
                tracing::warn!("stopped by the shutdown");
                return judged(End::Interrupt, Disposition::later(Why::ShuttingDown));
            }
            Ended::Completed(Outcome::Done) => return judged(End::Done, Disposition::Handled),
            Ended::Completed(Outcome::Ignore) => return judged(End::Done, Disposition::Ignored),
            Ended::Completed(Outcome::Retry(failure))
                if attempt < self.limits.max_attempts && !final_attempt =>
            {
                let judged = match worker {
                    Some(worker) => self.put_back(&failure, worker.delay(attempt)),
                    None => self.released(&failure, attempt),
                };
                handler.failed(judged.error.as_deref().unwrap_or_default());
                return judged;
            }
            Ended::Completed(Outcome::Retry(failure) | Outcome::DeadLetter(failure)) => {
                (failure.to_string(), true)
            }
            Ended::AttemptsUsedUp => (
                "all attempts are used up, and the last run recorded no outcome".to_owned(),
                false,
            ),
        };
        handler.failed(&failure);
        tracing::error!(error = failure, "the event is dead-lettered");
        let error = self.observers.any().then(|| failure.clone());
        let letter = Box::new(handler.letter(failure));
        let disposition = if self.store.dead_letters().is_some() {
            Disposition::DeadLettered
        } else {
            Disposition::Unprocessable
        };
        Judged {
            end: End::Dead { letter, began },
            disposition,
            error,
        }
    }

    /// The end of a worker's run that failed and runs again after a delay.
    fn put_back(&self, failure: &Failure, delay: Duration) -> Judged {
        let delay = match failure.delay() {
            Some(after) => after.min(self.limits.max_retry_after),
            None => delay,
        };
        let error = failure.to_string();
        tracing::warn!(error, ?delay, "failed: a worker runs it again after this delay");
        Judged {
            end: End::Release { rest: delay },
            disposition: Disposition::later_in(Why::Asked, delay),
            error: Some(error),
        }
    }

    /// The end of a run that failed and can be retried.
    fn released(&self, failure: &Failure, attempt: u32) -> Judged {
        let (asked, disposition) = match failure.delay() {
            Some(after) => (
                after.min(self.limits.max_retry_after),
                Disposition::later_in(Why::Asked, after),
            ),
            None => (Duration::ZERO, Disposition::Failed),
        };
        let error = failure.to_string();
        let rest = asked.max(self.rests.after(attempt));
        // As a value, which the log escapes: a text of the user can hold a newline.
        tracing::warn!(
            error,
            ?rest,
            "failed: runs again with Apideck's next delivery, when it has rested this long since its run began"
        );
        Judged {
            end: End::Release { rest: asked },
            disposition,
            error: Some(error),
        }
    }
}

/// The end of a run, as it was judged.
pub(super) struct Judged {
    pub(super) end: End,
    pub(super) disposition: Disposition,
    /// The text of a failure.
    pub(super) error: Option<String>,
}

impl Judged {
    /// A claim that led to no run, and is withdrawn.
    pub(super) fn withdrawn(why: Why) -> Self {
        Self {
            end: End::Withdraw,
            disposition: Disposition::later(why),
            error: None,
        }
    }

    /// Returns the outcome of a run whose end was recorded, or was not.
    pub(super) fn outcome(&self, recorded: &Recorded) -> RunOutcome {
        match (&self.end, recorded, self.disposition) {
            (_, Recorded::Lost, _) => RunOutcome::ClaimLost,
            (End::Done, _, Disposition::Ignored) => RunOutcome::Ignored,
            // A handled event stays handled.
            (End::Done, _, _) => RunOutcome::Handled,
            (_, Recorded::No | Recorded::NoRoom, _) => RunOutcome::Unrecorded,
            (End::Dead { .. }, _, _) => RunOutcome::DeadLettered,
            (End::Interrupt, _, _) => RunOutcome::Stopped,
            (End::Release { .. } | End::Withdraw, _, _) => RunOutcome::Failed,
        }
    }
}
