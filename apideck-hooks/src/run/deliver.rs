//! One delivery of an event, from the claim to the disposition.
//!
//! # How it works
//!
//! The claim names the record of all further calls. It differs from the delivery's own event key if
//! the delivery key names another record. Both are the same event then, because the delivery key
//! holds signed facts of the event.
//!
//! A guard holds a granted claim until the handler has ended. If the future is dropped before then,
//! the guard gives the claim back. A claim that is granted after its lease has ended is worth
//! nothing, because another delivery can hold the record by then. It is withdrawn.
//!
//! A duplicate of a running event drops its job, with its permit and its body, before it waits. So
//! a waiter costs no other event its place.
//!
//! All that is kept across an `.await` takes memory in every delivery, and a future that awaits
//! another one keeps its arguments twice. So the usual way is one `async` block, and the rare ways
//! are boxed. glibc's allocator serves more than 1,032 bytes outside of its cache of small pieces.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::attend::Ended;
use super::finish::Recorded;
use super::granted::Granted;
use super::guard::Guard;
use super::job::{EventHandler, FetchedClaim, Job};
use super::judge::Judged;
use super::runner::Runner;
use crate::delivery::{Key, RunFacts};
use crate::disposition::{Disposition, Why};
use crate::observe::{About, IncidentKind, ObservedRun, RunOf, StoreOperation};
use crate::store::{Claim, ClaimId, Claimed, End, Grant, LastDelivery, StoreError, Verdict};

/// The result of a delivery whose claim was not granted.
pub(super) enum Unclaimed {
    /// The delivery has its disposition.
    Settled(Disposition),
    /// Another delivery runs the event: [`Runner::wait_for_run`] waits for it.
    Running(Key),
}

/// The store's answer to a claim.
struct ClaimAnswer {
    claimed: Claimed,
    /// The claim's id.
    id: ClaimId,
    lease_end: Instant,
    /// The lease had ended when the answer came.
    late: bool,
}

impl Runner {
    /// Runs the event's handler, unless another delivery runs it or has settled it.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` stores its arguments twice")]
    pub(crate) fn deliver<H: EventHandler>(
        self: Arc<Self>,
        mut job: Job<H>,
    ) -> impl Future<Output = Disposition> + Send {
        async move {
            let answer = match self.claim_at_once(&mut job) {
                Ok(answer) => Ok(answer),
                Err(claim) => Box::pin(self.claim(claim, job.replay_of.as_deref())).await,
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => return Box::pin(self.run_without_store(job, error)).await,
            };
            self.look_for_losses(job.now);
            let ClaimAnswer { claimed, id, .. } = answer;
            let delivered = job.replay_of.is_none();
            if claimed.record != job.keys.event {
                self.recognised_by_header(job.about.as_deref());
            }
            let Verdict::Granted { token, attempt } = claimed.verdict else {
                let waits = delivered && job.worker.is_none();
                return match self.dispose_of_unclaimed(&claimed, waits, job.about.as_deref()) {
                    Unclaimed::Settled(disposition) => disposition,
                    Unclaimed::Running(record) => {
                        drop(job);
                        Box::pin(self.wait_for_run(record)).await
                    }
                };
            };
            if claimed.lettered {
                job.handler.letter_was_kept();
            }
            let grant = Grant::new(claimed.record, token, id);
            let of = RunOf::granted(job.about.take(), attempt, self.limits.max_attempts);
            let lost = job.handler.claim_lost();
            let mut granted = Granted::new(grant, of, claimed.lettered, answer.lease_end, lost);
            granted.worker = job.worker.take();
            let mut guard = Guard::new(&self.store, grant);
            if answer.late {
                return self.granted_too_late(&granted);
            }
            if job.transactional {
                // Boxed, because it is larger and less usual.
                return Box::pin(self.run_in_transaction(job, granted, guard)).await;
            }
            let (run, ended) = if attempt > self.limits.max_attempts && delivered {
                (None, Ended::AttemptsUsedUp)
            } else {
                let run = ObservedRun::start(&self.observers, granted.of.clone());
                guard.run_began();
                let handler = pin!(job.handler.run(granted.run_facts(), None));
                (Some(run), self.attend(handler, Some(&granted)).await)
            };
            // Under the guard, because the user's code makes a failure's text and can panic.
            let judged = self.judge(ended, &granted, granted.is_final(!delivered), &job.handler);
            guard.disarm();
            self.settle(&mut granted, run, judged).await
        }
    }

    /// Records the end, and decides the disposition from what became of it. Tells the waiters.
    pub(super) async fn settle(
        &self,
        granted: &mut Granted<'_>,
        run: Option<ObservedRun<'_>>,
        judged: Judged,
    ) -> Disposition {
        let recorded = self.record(granted, &judged.end).await;
        if let Some(run) = run {
            run.end(judged.outcome(&recorded), judged.error.as_deref());
        }
        let disposition = match recorded {
            Recorded::Yes => judged.disposition,
            Recorded::Lost => Box::pin(self.superseded(granted)).await,
            Recorded::NoRoom => Box::pin(self.release_without_letter(granted, &judged.end)).await,
            Recorded::No => self.unrecorded(&judged, granted),
        };
        // A lost run's dead letter is another run's.
        let disposition = match recorded {
            Recorded::Lost => disposition,
            _ => self.acknowledged(granted, disposition),
        };
        if judged.end == End::Withdraw {
            self.incident(IncidentKind::Withdrawn, granted.about());
        }
        self.tell(granted, disposition)
    }

    /// Returns the disposition that can be answered, and tells of a dead letter.
    pub(super) fn acknowledged(&self, granted: &Granted<'_>, disposition: Disposition) -> Disposition {
        let disposition = granted.acknowledged(disposition);
        if matches!(
            disposition,
            Disposition::DeadLettered | Disposition::Unprocessable
        ) {
            self.incident(IncidentKind::DeadLettered, granted.about());
        }
        disposition
    }

    /// Tells the waiters of a run. Call it after the record was settled.
    pub(super) fn tell(&self, granted: &mut Granted<'_>, disposition: Disposition) -> Disposition {
        let disposition = granted.acknowledged(disposition);
        match granted.owner.take() {
            Some(owner) => owner.settle(disposition),
            None => self.waiters.settle(granted.grant.record, disposition),
        }
        disposition
    }

    fn recognised_by_header(&self, about: Option<&About>) {
        self.incident(IncidentKind::RecognisedByHeader, about);
        tracing::info!("recognised by its delivery key: an earlier delivery had another `event_id`");
    }

    /// Refuses a delivery whose claim its guard withdraws.
    fn granted_too_late(&self, granted: &Granted<'_>) -> Disposition {
        self.incident(IncidentKind::Withdrawn, granted.about());
        tracing::error!("the store granted a claim after the claim's lease had ended: it is withdrawn");
        self.acknowledged(granted, Disposition::later(Why::Store))
    }

    /// Claims the event's record from a store that never waits, or takes the claim that a worker
    /// has fetched.
    ///
    /// # Errors
    ///
    /// The claim, if it needs a store that can wait.
    fn claim_at_once<H: EventHandler>(&self, job: &mut Job<H>) -> Result<ClaimAnswer, Box<Claim>> {
        if let Some(fetched) = job.worker.as_mut().and_then(|worker| worker.fetched.take()) {
            let FetchedClaim {
                grant,
                attempt,
                lease_end,
            } = fetched;
            let verdict = Verdict::Granted {
                token: grant.token,
                attempt,
            };
            return Ok(ClaimAnswer {
                claimed: Claimed::new(grant.record, verdict),
                id: grant.id,
                lease_end,
                late: lease_end <= Instant::now(),
            });
        }
        let claim = self.claim_of(job);
        // A replay needs the store's letters, and no store in memory keeps them.
        let delivered = job.replay_of.is_none();
        match delivered.then(|| self.store.claim_at_once(&claim)).flatten() {
            Some(claimed) => Ok(ClaimAnswer {
                claimed,
                id: claim.id,
                lease_end: job.now + self.limits.lease,
                late: false,
            }),
            None => Err(Box::new(claim)),
        }
    }

    /// Makes the claim of a job.
    fn claim_of<H: EventHandler>(&self, job: &Job<H>) -> Claim {
        let mut claim = Claim::new(job.keys.event, self.limits.lease);
        claim.alias = job.keys.alias;
        claim.rests = match &job.worker {
            Some(worker) => worker.retry.rests(worker.jitter),
            None => self.rests,
        };
        if job.last && self.store.dead_letters().is_some() {
            let letter = job.handler.letter(
                "the last delivery of the event was accepted, and no run of its handler has succeeded since"
                    .to_owned(),
            );
            claim.last = Some(Box::new(LastDelivery::new(letter)));
        }
        claim
    }

    /// Claims the event's record. Takes a claim back that failed or that nobody waits for.
    async fn claim(&self, claim: Box<Claim>, replay_of: Option<&str>) -> Result<ClaimAnswer, StoreError> {
        let asked = Instant::now();
        let (event, id) = (claim.event, claim.id);
        let call = (*claim).clone();
        let mut sent = SentClaim {
            runner: self,
            claim: Some(claim),
        };
        let claimed = match (self.store.dead_letters(), replay_of) {
            (Some(letters), Some(source)) => {
                let verdict = self
                    .call(StoreOperation::Replay, letters.replay(source, call))
                    .await;
                // Without its letter the event was settled or purged a moment ago.
                verdict.map(|verdict| Claimed::new(event, verdict.unwrap_or(Verdict::Done)))
            }
            _ => self.call(StoreOperation::Claim, self.store.claim(call)).await,
        }?;
        sent.claim = None;
        let lease_end = asked + self.limits.lease;
        Ok(ClaimAnswer {
            claimed,
            id,
            lease_end,
            late: lease_end <= Instant::now(),
        })
    }

    /// Releases a run whose dead letter has no room. It is never acknowledged. A claim that began
    /// no run is taken back.
    async fn release_without_letter(&self, granted: &Granted<'_>, end: &End) -> Disposition {
        tracing::error!(
            "the event could not be dead-lettered, because the store has no room for its letter: answered 503"
        );
        let end = match end {
            End::Dead { began: false, .. } => End::Withdraw,
            _ => End::Release {
                rest: std::time::Duration::ZERO,
            },
        };
        // If this fails too, the lease ends the run.
        self.record(granted, &end).await;
        Disposition::later(Why::LettersFull)
    }

    /// Decides the disposition of a run whose end was not recorded.
    fn unrecorded(&self, judged: &Judged, granted: &Granted<'_>) -> Disposition {
        self.incident(IncidentKind::Unrecorded, granted.about());
        match judged.end {
            // A dead letter that was not stored must not be acknowledged, unless the claim has kept
            // one: `Granted::acknowledged`. A handled event stays handled.
            End::Dead { .. } => Disposition::later(Why::Store),
            _ => judged.disposition,
        }
    }

    /// Tells of a refused delivery if it can be the event's last one.
    pub(crate) fn last_refused<H>(&self, job: &Job<H>, because: &'static str) {
        if job.last {
            self.incident(IncidentKind::LastRefused, job.about.as_deref());
            tracing::error!(because, "the last delivery of the event is refused");
        }
    }

    /// Refuses a delivery whose claim failed, or runs it without a claim if `fail_open` allows
    /// that.
    pub(crate) async fn run_without_store<H: EventHandler>(
        &self,
        mut job: Job<H>,
        error: StoreError,
    ) -> Disposition {
        self.store_failed(&error, job.about.as_deref());
        // A transaction needs the store, a replay comes from it, and a worker tries again.
        let no_delivery = job.replay_of.is_some() || job.worker.is_some();
        if !self.limits.fail_open || job.transactional || no_delivery {
            self.last_refused(&job, "the store failed");
            tracing::error!(%error, "the event could not be claimed: answered 503");
            return Disposition::later(Why::Store);
        }
        let about = job.about.take();
        self.incident(IncidentKind::FailedOpen, about.as_deref());
        tracing::error!(
            %error,
            "the event could not be claimed: its handler runs without a claim, because `fail_open` is set"
        );
        let facts = RunFacts {
            attempt: 1,
            ..RunFacts::default()
        };
        let of = RunOf {
            about: about.clone(),
            attempt: 1,
            max_attempts: self.limits.max_attempts,
        };
        let run = ObservedRun::start(&self.observers, of);
        let ended = self.attend(pin!(job.handler.run(facts, None)), None).await;
        // Without a record there is no last attempt, and no store can keep a dead letter.
        let judged = self.judge_unclaimed(ended, &job.handler);
        run.end(judged.outcome(&Recorded::Yes), judged.error.as_deref());
        match judged.end {
            End::Dead { .. } => {
                self.incident(IncidentKind::DeadLettered, about.as_deref());
                Disposition::Unprocessable
            }
            _ => judged.disposition,
        }
    }
}

/// A claim without an answer. It is taken back if the call fails or is dropped.
struct SentClaim<'r> {
    runner: &'r Runner,
    claim: Option<Box<Claim>>,
}

impl Drop for SentClaim<'_> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.runner.take_back(*claim);
        }
    }
}
