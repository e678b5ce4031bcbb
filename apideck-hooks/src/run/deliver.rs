//! One delivery of an event, from the claim to the disposition.
//!
//! # How it works
//!
//! A claim can name another record than that of the delivery's own event, because its delivery key
//! was bound to that record before. If that record is `RELEASED`, the claim is granted for it. A
//! run with this event's payload would then mark another event as done. So the claim is released,
//! and the event's own record is claimed.
//!
//! A guard holds a granted claim until the handler has ended. If the future is dropped before then,
//! the guard releases the claim. A claim that is granted after its lease has ended is worth
//! nothing, because another delivery can hold the record by then.
//!
//! All that is kept across an `.await` takes memory in every delivery. So the usual way is one
//! `async` block, and the rare ways are boxed.

use std::future::Future;
use std::pin::pin;

use tokio::time::Instant;

use super::attend::{Claimant, Ended};
use super::finish::Recorded;
use super::guard::Guard;
use super::lease::Lease;
use super::runner::{Job, Runner};
use crate::delivery::{Key, Keys};
use crate::disposition::{Disposition, Why};
use crate::handler::Outcome;
use crate::store::{AnyTx, Claim, Claimed, End, StoreError, Token, Verdict};

impl Runner {
    /// Runs the event's handler, unless another delivery runs it or has settled it.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` stores its arguments twice")]
    pub(crate) fn deliver<'a, F, R>(&'a self, mut job: Job<'a, F>) -> impl Future<Output = Disposition>
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        async move {
            let (record, token, attempt, lease, late) = loop {
                let (claimed, end, late) = match self.claim_at_once(job.keys) {
                    Some(claimed) => (claimed, job.now + self.limits.lease, false),
                    None => match Box::pin(self.claim(job.keys)).await {
                        Ok((claimed, end)) => (claimed, end, end <= Instant::now()),
                        Err(error) => return Box::pin(self.run_without_store(job, error)).await,
                    },
                };
                let another = claimed.record != job.keys.event;
                if another {
                    self.warn_of_reuse();
                }
                match claimed.verdict {
                    // That record waits for its own event's retry.
                    Verdict::Granted { token, .. } if another => {
                        Box::pin(self.release_unused(claimed.record, token)).await;
                        job.keys.delivery = None;
                        job.now = Instant::now();
                    }
                    Verdict::Granted { token, attempt } => {
                        break (claimed.record, token, attempt, Lease::until(end), late);
                    }
                    _ => return self.dispose_of_unclaimed(claimed).await,
                }
            };
            let guard = Guard::new(&self.store, record, token);
            if late {
                tracing::error!("the store granted a claim after the claim's lease had ended");
                return Disposition::later(Why::Store);
            }
            let ended = if attempt > self.limits.max_attempts {
                Ended::attempts_used_up()
            } else {
                self.counters.runs.add();
                let claim = Claimant {
                    record,
                    token,
                    lease: &lease,
                };
                let handler = pin!((job.handler)(attempt, None));
                self.attend(handler, Some(claim)).await
            };
            // Under the guard, because the user's code makes a failure's text and can panic.
            let (end, disposition) = self.judge(ended, attempt, job.replay, job.text);
            guard.disarm();
            match self.record(record, token, &end, &lease).await {
                Recorded::Yes => self.recorded(record, disposition),
                Recorded::Lost => Box::pin(self.superseded(record)).await,
                Recorded::No => self.unrecorded(record, &end, disposition),
            }
        }
    }

    fn claim_at_once(&self, keys: Keys) -> Option<Claimed> {
        self.store
            .claim_at_once(&Claim::new(keys.event, keys.delivery, self.limits.lease))
    }

    /// Returns the claim's result and the end of its lease.
    async fn claim(&self, keys: Keys) -> Result<(Claimed, Instant), StoreError> {
        let asked = Instant::now();
        let claim = Claim::new(keys.event, keys.delivery, self.limits.lease);
        let claimed = self.within_timeout(self.store.claim(claim)).await?;
        Ok((claimed, asked + self.limits.lease))
    }

    pub(super) fn warn_of_reuse(&self) {
        self.counters.idempotency_key_reused.add();
        tracing::warn!("idempotency_key_reused: an earlier event had the same idempotency key");
    }

    /// Releases a claim that led to no run. The attempt that it counted stays counted.
    pub(super) async fn release_unused(&self, record: Key, token: Token) {
        let released = self.store.finish(record, token, End::Release);
        if let Err(error) = self.within_timeout(released).await {
            self.counters.store_errors.add();
            tracing::warn!(%error, "an unused claim could not be released and ends with its lease");
        }
    }

    /// Tells the waiters of a record whose end was recorded.
    fn recorded(&self, record: Key, disposition: Disposition) -> Disposition {
        self.waiters.settle(record, disposition);
        disposition
    }

    /// Decides the disposition of a run whose end was not recorded, and tells the waiters.
    fn unrecorded(&self, record: Key, end: &End, disposition: Disposition) -> Disposition {
        self.counters.unrecorded.add();
        // A dead letter that was not stored must not be acknowledged. A handled event stays
        // handled.
        let disposition = if matches!(end, End::Dead(_)) {
            Disposition::later(Why::Store)
        } else {
            disposition
        };
        self.waiters.settle(record, disposition);
        disposition
    }

    /// Refuses a delivery whose claim failed, or runs it without a claim if `fail_open` allows
    /// that.
    async fn run_without_store<F, R>(&self, job: Job<'_, F>, error: StoreError) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        self.counters.store_errors.add();
        if !self.limits.fail_open {
            tracing::error!(%error, "the event could not be claimed: answered 503");
            return Disposition::later(Why::Store);
        }
        self.counters.failed_open.add();
        self.counters.runs.add();
        tracing::error!(
            %error,
            "the event could not be claimed: its handler runs without a claim, because `fail_open` is set"
        );
        let ended = self.attend(pin!((job.handler)(1, None)), None).await;
        // Without a record there is no last attempt, and no store can keep a dead letter.
        let (end, disposition) = self.judge(ended, 0, job.replay, job.text);
        if matches!(end, End::Dead(_)) {
            Disposition::Unprocessable
        } else {
            disposition
        }
    }
}
