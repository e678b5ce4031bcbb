//! A handler's run under its claim, its time limit and a shutdown.
//!
//! # How it works
//!
//! The handler is polled once by hand. Many handlers are ready at their first poll and need neither
//! a timer nor a renewal. If the handler waits, three futures are polled after it in the same task:
//! the renewal of the claim, the time limit, and the end of a shutdown's grace period.
//!
//! These three are `unconstrained`. tokio gives a task a budget of operations for each poll, and a
//! handler that is always ready can use it up. Without budget a timer returns `Pending` although
//! its time has come.
//!
//! A lost claim does not stop the handler, because it may be past its point of no return. Its end
//! then changes no record, because the store compares tokens.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::task::unconstrained;
use tokio::time::sleep;

use super::granted::Granted;
use super::panic;
use super::phase::grace_over;
use super::runner::Runner;
use crate::handler::{Failure, Outcome};
use crate::observe::IncidentKind;
use crate::poll;

/// The way in which a handler's run ended.
pub(super) enum Ended {
    /// The handler returned, panicked or reached its time limit.
    Completed(Outcome),
    /// A shutdown's grace period ended before the handler did.
    Stopped,
    /// No run began, because all attempts were used up before.
    ///
    /// Such a claim is granted if the last run recorded no outcome, for example because its process
    /// died.
    AttemptsUsedUp,
}

impl Runner {
    /// Runs the handler to its end, and renews its claim meanwhile.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` stores its arguments twice")]
    pub(super) fn attend<'a, 'r: 'a>(
        &'r self,
        handler: Pin<&'a mut impl Future<Output = Outcome>>,
        claim: Option<&'a Granted<'r>>,
    ) -> impl Future<Output = Ended> {
        async move {
            let mut handler = pin!(self.noticed(panic::catch(handler), claim));
            match poll::once(handler.as_mut()).await {
                Poll::Ready(outcome) => self.completed(outcome, claim),
                // Boxed, because most deliveries do not need the memory of its timers.
                Poll::Pending => Box::pin(self.attend_while_it_waits(handler, claim)).await,
            }
        }
    }

    async fn attend_while_it_waits<'r>(
        &'r self,
        mut handler: Pin<&mut impl Future<Output = Result<Outcome, String>>>,
        claim: Option<&Granted<'r>>,
    ) -> Ended {
        if let Some(claim) = claim {
            claim
                .owner
                .get_or_init(|| self.owners.enter(&self.waiters, claim.grant.record));
        }
        let renew = async {
            match claim {
                Some(claim) => {
                    self.keep_renewed(claim).await;
                    claim.lost.signal();
                }
                None => pending().await,
            }
        };
        let mut phase = self.phase.clone();
        let mut lost = pin!(unconstrained(renew));
        let mut time_out = pin!(unconstrained(sleep(self.limits.handler_timeout)));
        let mut stopped = pin!(unconstrained(grace_over(&mut phase)));
        let mut held = true;
        loop {
            tokio::select! {
                // The handler comes first, so one that ends at its time limit has not reached it.
                biased;
                outcome = &mut handler => return self.completed(outcome, claim),
                () = &mut lost, if held => {
                    held = false;
                    tracing::warn!("the claim was lost, and the handler goes on");
                }
                () = &mut time_out => {
                    self.incident(IncidentKind::TimedOut, claim.and_then(Granted::about));
                    let limit = self.limits.handler_timeout;
                    let failure = Failure::retry(format!("the handler took longer than {limit:?}"));
                    return Ended::Completed(Outcome::Retry(failure));
                }
                () = &mut stopped => return Ended::Stopped,
            }
        }
    }

    /// Turns the text of a panic into a failure.
    fn completed(&self, outcome: Result<Outcome, String>, claim: Option<&Granted<'_>>) -> Ended {
        Ended::Completed(outcome.unwrap_or_else(|text| {
            self.incident(IncidentKind::Panicked, claim.and_then(Granted::about));
            Outcome::Retry(Failure::retry(format!("the handler panicked: {text}")))
        }))
    }
}
