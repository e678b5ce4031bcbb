//! A handler's run under its claim, its time limit and the shutdown.
//!
//! # How it works
//!
//! The handler is polled once by hand, because most handlers of a test and many of a queue are ready at once, and need
//! neither a timer nor a renewal. If it waits, three timers are polled beside it: the renewal of the claim, the time
//! limit, and the end of a shutdown's grace period.
//!
//! The timers are `unconstrained`. tokio gives a task a budget of operations for each poll. A handler that is always
//! ready uses up that budget, and a timer that is polled after it would return `Pending` although its time has come.
//!
//! A lost claim does not stop the handler: it may be past its point of no return. Its end then changes nothing, because
//! the store compares tokens.

use super::lease::Lease;
use super::panic;
use super::phase::grace_over;
use super::runner::Runner;
use crate::delivery::Key;
use crate::handler::{Failure, Outcome};
use crate::poll;
use crate::store::Token;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::task::unconstrained;
use tokio::time::sleep;

/// The claim to renew during a run.
pub(super) struct Claimant<'a> {
    pub(super) record: Key,
    pub(super) token: Token,
    pub(super) lease: &'a Lease,
}

/// The end of a handler's run.
pub(super) enum Ended {
    /// The handler returned, panicked or reached its time limit.
    Itself(Outcome),
    /// The grace period of a shutdown ended first.
    Stopped,
}

impl Ended {
    /// The end of an event whose earlier runs ended without recording an end, as a crash does.
    pub(super) fn without_an_end() -> Self {
        Ended::Itself(Outcome::Retry(Failure::retry(
            "no earlier attempt came to an end",
        )))
    }
}

impl Runner {
    /// Runs the handler to its end and renews its claim meanwhile.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` has its arguments twice")]
    pub(super) fn attend<'a>(
        &'a self,
        handler: Pin<&'a mut impl Future<Output = Outcome>>,
        claim: Option<Claimant<'a>>,
    ) -> impl Future<Output = Ended> {
        async move {
            let mut handler = pin!(panic::catch(handler));
            match poll::once(handler.as_mut()).await {
                Poll::Ready(outcome) => self.ended(outcome),
                // Boxed, because its timers take memory that most deliveries do not need.
                Poll::Pending => Box::pin(self.attend_while_it_waits(handler, claim)).await,
            }
        }
    }

    async fn attend_while_it_waits(
        &self,
        mut handler: Pin<&mut impl Future<Output = Result<Outcome, String>>>,
        claim: Option<Claimant<'_>>,
    ) -> Ended {
        let renew = async {
            match &claim {
                Some(claim) => self.keep_renewed(claim.record, claim.token, claim.lease).await,
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
                biased;
                outcome = &mut handler => return self.ended(outcome),
                () = &mut lost, if held => {
                    held = false;
                    tracing::warn!("the claim was lost while the handler runs");
                }
                () = &mut time_out => {
                    self.counters.timeouts.add();
                    let limit = self.limits.handler_timeout;
                    let failure = Failure::retry(format!("the handler took longer than {limit:?}"));
                    return Ended::Itself(Outcome::Retry(failure));
                }
                () = &mut stopped => return Ended::Stopped,
            }
        }
    }

    /// Turns the text of a panic into a failure.
    fn ended(&self, outcome: Result<Outcome, String>) -> Ended {
        Ended::Itself(outcome.unwrap_or_else(|text| {
            self.counters.panics.add();
            Outcome::Retry(Failure::retry(format!("the handler panicked: {text}")))
        }))
    }
}
