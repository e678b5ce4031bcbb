//! Turning the end of a run into a change of its record and a disposition.

use std::time::Duration;

use super::attend::Ended;
use super::job::EventHandler;
use super::runner::Runner;
use crate::disposition::{Disposition, Why};
use crate::handler::Outcome;
use crate::store::End;

impl Runner {
    /// Decides how the record ends, and the delivery's disposition. With `final_attempt` any
    /// failure dead-letters the event.
    pub(super) fn judge(
        &self,
        ended: Ended,
        attempt: u32,
        final_attempt: bool,
        handler: &impl EventHandler,
    ) -> (End, Disposition) {
        let (failure, began) = match ended {
            Ended::Stopped => {
                tracing::warn!(attempt, "stopped by the shutdown");
                return (End::Interrupt, Disposition::later(Why::ShuttingDown));
            }
            Ended::Completed(Outcome::Done) => return (End::Done, Disposition::Handled),
            Ended::Completed(Outcome::Ignore) => return (End::Done, Disposition::Ignored),
            Ended::Completed(Outcome::Retry(failure))
                if attempt < self.limits.max_attempts && !final_attempt =>
            {
                // As a value, which the log escapes: a text of the user can hold a newline.
                let error = failure.to_string();
                handler.failed(&error);
                tracing::warn!(attempt, error, "failed: Apideck's next retry runs it again");
                return match failure.delay() {
                    Some(after) => {
                        let rest = after.min(self.limits.max_retry_after);
                        (End::Release { rest }, Disposition::later_in(Why::Asked, after))
                    }
                    None => {
                        let rest = Duration::ZERO;
                        (End::Release { rest }, Disposition::Failed)
                    }
                };
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
        tracing::error!(attempt, error = failure, "the event is dead-lettered");
        let letter = Box::new(handler.letter(failure));
        let disposition = if self.store.dead_letters().is_some() {
            Disposition::DeadLettered
        } else {
            Disposition::Unprocessable
        };
        (End::Dead { letter, began }, disposition)
    }

    /// Counts a run by its end and its disposition, after the end was recorded or was not.
    pub(super) fn count(&self, end: &End, disposition: Disposition) {
        match (end, disposition) {
            (_, Disposition::Handled) => {
                self.counters.handled.add();
                tracing::info!("handled");
            }
            (_, Disposition::Ignored) => {
                self.counters.ignored.add();
                tracing::info!("ignored by the handler");
            }
            (_, Disposition::DeadLettered | Disposition::Unprocessable) => self.counters.dead_lettered.add(),
            (End::Release { .. }, _) => self.counters.failed.add(),
            (End::Interrupt, _) => self.counters.interrupted.add(),
            (End::Withdraw, _) => self.counters.withdrawn.add(),
            _ => {}
        }
    }
}
