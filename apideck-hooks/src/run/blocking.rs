//! Noticing a handler that blocks its thread.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Instant;

use super::granted::Granted;
use super::runner::Runner;
use crate::observe::IncidentKind;

impl Runner {
    /// Polls a handler, and reports a poll that took longer than the lease.
    ///
    /// A claim is renewed between two polls. So another delivery can have claimed the event
    /// meanwhile.
    // The clock is the machine's and not tokio's, which a test can stop.
    pub(super) async fn noticed<F: Future>(&self, handler: F, claim: Option<&Granted<'_>>) -> F::Output {
        let mut handler = pin!(handler);
        let poll = poll_fn(|cx| {
            let begun = Instant::now();
            let polled = handler.as_mut().poll(cx);
            let took = begun.elapsed();
            if took > self.limits.lease {
                self.incident(IncidentKind::Blocked, claim.and_then(Granted::about));
                tracing::error!(
                    ?took,
                    lease = ?self.limits.lease,
                    "the handler blocked its thread for longer than the lease, so another delivery could have run the \
                     event: use tokio's `spawn_blocking`"
                );
            }
            polled
        });
        poll.await
    }
}
