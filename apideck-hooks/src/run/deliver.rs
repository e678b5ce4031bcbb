//! One delivery of an event, from the claim to the disposition.
//!
//! # How it works
//!
//! A claim that names another record than the delivery's own event came in under a delivery key that was bound before.
//! If that record was released, its claim is given back, because running it with this event's payload would mark
//! another event as done. Then the event's own record is claimed.
//!
//! A granted claim is guarded until the handler has ended. A future that is dropped before then releases the claim. A
//! grant that arrives after its lease is worth nothing, because another delivery may hold the claim by then.
//!
//! All that can be kept across an `.await` is part of every delivery's memory. So the usual way is one `async` block,
//! and the rare ways are boxed.

use super::attend::{Claimant, Ended};
use super::finish::Recorded;
use super::guard::Guard;
use super::lease::Lease;
use super::runner::{Job, Runner};
use crate::delivery::{Key, Keys};
use crate::disposition::{Disposition, Why};
use crate::handler::Outcome;
use crate::store::{AnyTx, Claim, Claimed, End, StoreError, Token, Verdict};
use std::future::Future;
use std::pin::pin;
use tokio::time::Instant;

impl Runner {
    /// Runs the event's handler, unless another delivery runs it or has settled it.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` has its arguments twice")]
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
                    // That record waits for its own event's retry, which this delivery must not use up.
                    Verdict::Granted { token, .. } if another => {
                        Box::pin(self.give_back(claimed.record, token)).await;
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
                Ended::without_an_end()
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
                Recorded::Yes => {
                    self.waiters.settle(record, disposition);
                    disposition
                }
                Recorded::Lost => {
                    self.counters.lost.add();
                    tracing::warn!("the claim was lost: another delivery of this event has taken over");
                    Box::pin(self.disposition_of_successor(record)).await
                }
                Recorded::No => {
                    self.counters.unrecorded.add();
                    // A dead letter that was not stored must not be acknowledged. A handled event stays handled.
                    let disposition = if matches!(end, End::Dead(_)) {
                        Disposition::later(Why::Store)
                    } else {
                        disposition
                    };
                    self.waiters.settle(record, disposition);
                    disposition
                }
            }
        }
    }

    fn claim_at_once(&self, keys: Keys) -> Option<Claimed> {
        self.store
            .claim_at_once(&Claim::new(keys.event, keys.delivery, self.limits.lease))
    }

    /// Returns the verdict and the end of the claim's lease.
    async fn claim(&self, keys: Keys) -> Result<(Claimed, Instant), StoreError> {
        let asked = Instant::now();
        let claim = Claim::new(keys.event, keys.delivery, self.limits.lease);
        let claimed = self.within_timeout(self.store.claim(claim)).await?;
        Ok((claimed, asked + self.limits.lease))
    }

    pub(super) fn warn_of_reuse(&self) {
        self.counters.idempotency_key_reused.add();
        tracing::warn!("idempotency_key_reused: this idempotency key came with another event before");
    }

    /// Releases a claim that led to no run. The attempt that it counted stays.
    pub(super) async fn give_back(&self, record: Key, token: Token) {
        let given_back = self.store.finish(record, token, End::Release);
        if let Err(error) = self.within_timeout(given_back).await {
            self.counters.store_errors.add();
            tracing::warn!(%error, "a claim could not be given back, so it ends with its lease");
        }
    }

    /// Refuses a delivery whose claim failed, or runs it without a claim if `fail_open` allows that.
    async fn run_without_store<F, R>(&self, job: Job<'_, F>, error: StoreError) -> Disposition
    where
        F: FnOnce(u32, Option<AnyTx>) -> R,
        R: Future<Output = Outcome>,
    {
        self.counters.store_errors.add();
        if !self.limits.fail_open {
            tracing::error!(%error, "not claimed: answered 503");
            return Disposition::later(Why::Store);
        }
        self.counters.failed_open.add();
        self.counters.runs.add();
        tracing::error!(%error, "not claimed: the handler runs all the same, because `fail_open` is set");
        let ended = self.attend(pin!((job.handler)(1, None)), None).await;
        // Without a record no attempt is the last one, and no store can keep a dead letter.
        let (end, disposition) = self.judge(ended, 0, job.replay, job.text);
        if matches!(end, End::Dead(_)) {
            Disposition::Unprocessable
        } else {
            disposition
        }
    }
}
