//! One delivery of an event, from the claim to the answer.

use super::dead_letters::DeadLetter;
use super::finish::Recorded;
use super::guard::Guard;
use super::lease::Lease;
use super::panic;
use super::places::Places;
use super::store::{Claim, Claimed, End, Status, Store, StoreError, Token, Verdict};
use super::transactions::Handed;
use super::twins::Twins;
use crate::delivery::{Key, Keys};
use crate::handler::{Failure, Outcome};
use crate::hooks::{Limits, Phase, Stats};
use crate::poll;
use crate::service::{Answer, Later};
use bytes::Bytes;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep, timeout};

/// Runs handlers for events, each event once.
pub(crate) struct Runner {
    pub(super) store: Arc<dyn Store>,
    pub(super) limits: Limits,
    pub(super) stats: Arc<Stats>,
    pub(super) twins: Twins,
    pub(super) places: Places,
    pub(super) phase: watch::Receiver<Phase>,
}

/// What is to be done for a delivery.
pub(crate) struct Job<'a, F> {
    pub(crate) keys: Keys,
    /// Now, or a moment ago.
    pub(crate) now: Instant,
    /// The verified text, kept if the event is set aside.
    pub(crate) body: &'a Bytes,
    /// Whether a failure sets it aside, whatever the error: a dead letter that is replayed.
    pub(crate) replay: bool,
    /// The handler's run, given the attempt, and the transaction if it takes one.
    pub(crate) handler: F,
}

/// Whose run it is, where there is a claim to be kept.
pub(super) struct Claimant<'a> {
    record: Key,
    token: Token,
    lease: &'a Lease,
}

/// How a handler's run ended.
pub(super) enum Ended {
    Itself(Outcome),
    /// The grace period of a shutdown is over.
    Stopped,
}

impl Ended {
    /// Earlier runs ended without a word, as a crash does.
    pub(super) fn without_a_word() -> Self {
        Ended::Itself(Outcome::Retry(Failure::retry("no attempt before came to an end")))
    }
}

impl Runner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        limits: Limits,
        stats: Arc<Stats>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Runner {
            store,
            limits,
            stats,
            twins: Twins::default(),
            places: Places::default(),
            phase,
        }
    }

    /// The answer for the delivery.
    // What may have to be kept while something is waited for is part of every delivery's memory. So this is one function, and
    // what is rare has a box.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` has its arguments twice")]
    pub(crate) fn run<'a, F, R>(&'a self, mut job: Job<'a, F>) -> impl Future<Output = Answer>
    where
        F: FnOnce(u32, Option<Handed>) -> R,
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
                    // Its first event failed and waits for its next attempt: that is not this one's to take.
                    Verdict::Granted { token, .. } if another => {
                        Box::pin(self.give_back(claimed.record, token)).await;
                        job.keys.delivery = None;
                        job.now = Instant::now();
                    }
                    Verdict::Granted { token, attempt } => {
                        break (claimed.record, token, attempt, Lease::until(end), late);
                    }
                    _ => return self.answer_unclaimed(claimed).await,
                }
            };
            let guard = Guard::new(&self.store, record, token);
            if late {
                // The answer took longer than the lease: another may hold the claim by now.
                tracing::error!("the store granted a claim that was over when its answer came");
                return Answer::Later(Later::Store, Later::DEFAULT);
            }
            let ended = if attempt > self.limits.max_attempts {
                Ended::without_a_word()
            } else {
                self.stats.runs.add();
                let claim = Claimant {
                    record,
                    token,
                    lease: &lease,
                };
                let handler = pin!((job.handler)(attempt, None));
                self.attend(handler, Some(claim)).await
            };
            // Under the guard: a failure's text is made by code of the user's, which can panic.
            let (end, answer) = self.judge(ended, attempt, job.replay, job.body);
            guard.disarm();
            match self.record(record, token, &end, &lease).await {
                Recorded::Yes => {
                    self.twins.settled(record, answer);
                    answer
                }
                Recorded::Lost => {
                    self.stats.lost.add();
                    tracing::warn!("the claim was lost: another delivery of this event has taken over");
                    Box::pin(self.answer_of_successor(record)).await
                }
                Recorded::No => {
                    self.stats.unrecorded.add();
                    // To say that it is set aside would be a lie; what was handled stays handled.
                    let answer = if matches!(end, End::Dead(_)) {
                        Answer::Later(Later::Store, Later::DEFAULT)
                    } else {
                        answer
                    };
                    self.twins.settled(record, answer);
                    answer
                }
            }
        }
    }

    fn claim_at_once(&self, keys: Keys) -> Option<Claimed> {
        self.store
            .claim_at_once(&Claim::new(keys.event, keys.delivery, self.limits.lease))
    }

    /// What became of the claim, and until when it holds.
    async fn claim(&self, keys: Keys) -> Result<(Claimed, Instant), StoreError> {
        let asked = Instant::now();
        let claim = Claim::new(keys.event, keys.delivery, self.limits.lease);
        let claimed = self.within_timeout(self.store.claim(claim)).await?;
        Ok((claimed, asked + self.limits.lease))
    }

    /// The answer where nothing is to be run.
    pub(super) async fn answer_unclaimed(&self, claimed: Claimed) -> Answer {
        match claimed.verdict {
            Verdict::Running { lease_left } => Box::pin(self.wait_for_twin(claimed.record, lease_left)).await,
            Verdict::Done => self.duplicate(),
            Verdict::Dead => self.duplicate_of_dead(),
            // What is granted is run, by whoever claimed it.
            Verdict::Full | Verdict::Granted { .. } => {
                self.stats.store_full.add();
                tracing::error!("the idempotency store is full of events that are being handled");
                Answer::Later(Later::Busy, Later::DEFAULT)
            }
        }
    }

    pub(super) fn warn_of_reuse(&self) {
        self.stats.idempotency_key_reused.add();
        tracing::warn!("idempotency_key_reused: this idempotency key came with another event before");
    }

    /// As if it had not been claimed, but for the attempt.
    pub(super) async fn give_back(&self, record: Key, token: Token) {
        let given_back = self.store.finish(record, token, End::Release);
        if let Err(error) = self.within_timeout(given_back).await {
            self.stats.store_errors.add();
            tracing::warn!(%error, "a claim could not be given back: it ends with its lease");
        }
    }

    /// The handler's run, its claim kept meanwhile.
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
                // Boxed: its timers take room that most deliveries have no use for.
                Poll::Pending => Box::pin(self.attend_while_it_waits(handler, claim)).await,
            }
        }
    }

    async fn attend_while_it_waits(
        &self,
        mut handler: Pin<&mut impl Future<Output = Result<Outcome, String>>>,
        claim: Option<Claimant<'_>>,
    ) -> Ended {
        let keep = async {
            match &claim {
                Some(claim) => self.keep(claim.record, claim.token, claim.lease).await,
                None => pending().await,
            }
        };
        let mut phase = self.phase.clone();
        // Unconstrained: a handler that is always ready uses up the task's budget at every turn, and timers that are polled
        // after it would never see that their time has come.
        let mut keep = pin!(unconstrained(keep));
        let mut time_out = pin!(unconstrained(sleep(self.limits.handler_timeout)));
        let mut stopped = pin!(unconstrained(released(&mut phase)));
        let mut kept = true;
        loop {
            tokio::select! {
                biased;
                outcome = &mut handler => return self.ended(outcome),
                // It may be past its point of no return: let it end. What it reports will not overwrite its successor.
                () = &mut keep, if kept => {
                    kept = false;
                    tracing::warn!("the claim was lost while the handler runs");
                }
                () = &mut time_out => {
                    self.stats.timeouts.add();
                    let limit = self.limits.handler_timeout;
                    return Ended::Itself(Outcome::Retry(Failure::retry(format!("the handler took longer than {limit:?}"))));
                }
                () = &mut stopped => return Ended::Stopped,
            }
        }
    }

    /// With its outcome, or the text of its panic.
    fn ended(&self, outcome: Result<Outcome, String>) -> Ended {
        Ended::Itself(outcome.unwrap_or_else(|text| {
            self.stats.panics.add();
            Outcome::Retry(Failure::retry(format!("the handler panicked: {text}")))
        }))
    }

    /// What to record and what to answer.
    pub(super) fn judge(&self, ended: Ended, attempt: u32, replay: bool, body: &Bytes) -> (End, Answer) {
        let outcome = match ended {
            Ended::Itself(outcome) => outcome,
            Ended::Stopped => {
                tracing::warn!(attempt, "stopped by the shutdown: released");
                return (End::Release, Answer::Later(Later::ShuttingDown, Later::DEFAULT));
            }
        };
        match outcome {
            Outcome::Done => {
                self.stats.handled.add();
                tracing::info!(attempt, "handled");
                (End::Done, Answer::Handled)
            }
            Outcome::Ignore => {
                self.stats.ignored.add();
                tracing::info!(attempt, "ignored by its handler");
                (End::Done, Answer::Ignored)
            }
            Outcome::Retry(failure) if attempt < self.limits.max_attempts && !replay => {
                self.stats.failed.add();
                tracing::warn!(attempt, error = %failure, "failed: to be tried again");
                let answer = match failure.delay() {
                    Some(after) => Answer::Later(Later::Asked, Later::seconds(after)),
                    None => Answer::Failed,
                };
                (End::Release, answer)
            }
            Outcome::Retry(failure) | Outcome::SetAside(failure) => {
                self.stats.dead.add();
                let kept = self.store.dead_letters().is_some();
                tracing::error!(attempt, error = %failure, kept, "set aside");
                let letter = DeadLetter::new(&self.limits.source, body.clone(), failure.to_string());
                let answer = if kept {
                    Answer::SetAside
                } else {
                    Answer::Unprocessable
                };
                (End::Dead(letter), answer)
            }
        }
    }

    /// The event is running in another delivery: its outcome, if that comes soon.
    async fn wait_for_twin(&self, record: Key, lease_left: Duration) -> Answer {
        const LOOK: Duration = Duration::from_millis(500);
        let mut wait = self.twins.wait(record);
        let mut left = lease_left;
        let mut patience = pin!(sleep(self.limits.twin_wait));
        let mut phase = self.phase.clone();
        let mut stopped = pin!(released(&mut phase));
        loop {
            // Whoever settles it here tells us; a look is for what was settled before we came, and elsewhere.
            match self.within_timeout(self.store.status(record)).await {
                Ok(Status::Done { .. }) => return self.duplicate(),
                Ok(Status::Dead { .. }) => return self.duplicate_of_dead(),
                Ok(Status::Released { .. }) => return Answer::Failed,
                Ok(Status::Running { lease_left, .. }) => left = lease_left,
                Ok(Status::Absent) => left = Duration::ZERO,
                Err(error) => {
                    self.stats.store_errors.add();
                    tracing::warn!(%error, "the running twin could not be looked at");
                }
            }
            tokio::select! {
                biased;
                answer = wait.answer() => {
                    self.stats.duplicates.add();
                    tracing::info!("answered with the outcome of a delivery of the same event");
                    return answer;
                }
                () = &mut patience => {
                    self.stats.busy.add();
                    tracing::info!("still running in another delivery");
                    return Answer::Later(Later::Running, Later::seconds(left));
                }
                () = &mut stopped => return Answer::Later(Later::ShuttingDown, Later::DEFAULT),
                () = sleep(LOOK) => {}
            }
        }
    }

    fn duplicate(&self) -> Answer {
        self.stats.duplicates.add();
        tracing::info!("a duplicate: handled before");
        Answer::Duplicate
    }

    /// A `2xx` must not be a lie: only what is kept durably counts as set aside.
    fn duplicate_of_dead(&self) -> Answer {
        self.stats.duplicates.add();
        tracing::info!("a duplicate: set aside before");
        if self.store.dead_letters().is_some() {
            Answer::Duplicate
        } else {
            Answer::Unprocessable
        }
    }

    pub(super) async fn answer_of_successor(&self, record: Key) -> Answer {
        match self.within_timeout(self.store.status(record)).await {
            Ok(Status::Done { .. }) => self.duplicate(),
            Ok(Status::Dead { .. }) => self.duplicate_of_dead(),
            Ok(Status::Running { lease_left, .. }) => {
                Answer::Later(Later::Running, Later::seconds(lease_left))
            }
            Ok(Status::Released { .. } | Status::Absent) => Answer::Failed,
            Err(_) => Answer::Later(Later::Store, Later::DEFAULT),
        }
    }

    /// The store is down: nothing is run, unless the user has said that running twice does no harm.
    async fn run_without_store<F, R>(&self, job: Job<'_, F>, error: StoreError) -> Answer
    where
        F: FnOnce(u32, Option<Handed>) -> R,
        R: Future<Output = Outcome>,
    {
        self.stats.store_errors.add();
        if !self.limits.fail_open {
            tracing::error!(%error, "not claimed: answered 503");
            return Answer::Later(Later::Store, Later::DEFAULT);
        }
        self.stats.failed_open.add();
        self.stats.runs.add();
        tracing::error!(%error, "not claimed: running all the same, as `fail_open` says");
        let ended = self.attend(pin!((job.handler)(1, None)), None).await;
        // Without a record there is no last attempt, and nothing to set it aside in.
        let (end, answer) = self.judge(ended, 0, job.replay, job.body);
        if matches!(end, End::Dead(_)) {
            Answer::Unprocessable
        } else {
            answer
        }
    }

    /// No call to the store is waited for without end.
    pub(super) async fn within_timeout<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut call = pin!(call);
        // A store in memory answers at once.
        if let Poll::Ready(result) = poll::once(call.as_mut()).await {
            return result;
        }
        match Box::pin(timeout(self.limits.store_timeout, call)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::new(format!(
                "no answer within {:?}",
                self.limits.store_timeout
            ))),
        }
    }
}

/// Ready when a shutdown's grace is over. Without the last `Hooks` nobody can ask for one any more: that is none.
pub(super) async fn released(phase: &mut watch::Receiver<Phase>) {
    if phase.wait_for(|phase| *phase == Phase::Releasing).await.is_err() {
        pending().await
    }
}
