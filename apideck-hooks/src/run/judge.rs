//! From a run's end to the change of its record and the disposition of its delivery.

use super::attend::Ended;
use super::runner::Runner;
use crate::disposition::{Disposition, Why};
use crate::handler::Outcome;
use crate::signature::VerifiedText;
use crate::store::{DeadLetter, End};

impl Runner {
    /// Decides the record's end and the delivery's disposition.
    pub(super) fn judge(
        &self,
        ended: Ended,
        attempt: u32,
        replay: bool,
        text: &VerifiedText,
    ) -> (End, Disposition) {
        let outcome = match ended {
            Ended::Itself(outcome) => outcome,
            Ended::Stopped => {
                tracing::warn!(attempt, "stopped by the shutdown: the claim is released");
                return (End::Release, Disposition::later(Why::ShuttingDown));
            }
        };
        match outcome {
            Outcome::Done => {
                self.counters.handled.add();
                tracing::info!(attempt, "handled");
                (End::Done, Disposition::Handled)
            }
            Outcome::Ignore => {
                self.counters.ignored.add();
                tracing::info!(attempt, "ignored by its handler");
                (End::Done, Disposition::Ignored)
            }
            Outcome::Retry(failure) if attempt < self.limits.max_attempts && !replay => {
                self.counters.failed.add();
                tracing::warn!(attempt, error = %failure, "failed: a later delivery retries it");
                let disposition = match failure.delay() {
                    Some(after) => Disposition::later_in(Why::Asked, after),
                    None => Disposition::Failed,
                };
                (End::Release, disposition)
            }
            Outcome::Retry(failure) | Outcome::DeadLetter(failure) => {
                self.counters.dead_lettered.add();
                let kept = self.store.dead_letters().is_some();
                tracing::error!(attempt, error = %failure, kept, "dead-lettered");
                let letter = DeadLetter::new(&self.source, text, failure.to_string());
                let disposition = if kept {
                    Disposition::DeadLettered
                } else {
                    Disposition::Unprocessable
                };
                (End::Dead(letter), disposition)
            }
        }
    }
}
