//! One delivery of an event whose handler takes the store's transaction.

use super::run::{Ended, Job, Runner, released};
use super::store::{Claim, End, Verdict};
use super::transactions::{Begun, Committed, Handed, Open, Transactions};
use crate::delivery::{Key, Keys};
use crate::handler::{Failure, Outcome};
use crate::service::{Answer, Later};
use std::future::Future;
use std::pin::pin;
use tokio::time::sleep;

impl Runner {
    /// The answer for the delivery. One commit settles what the handler did and that it did it.
    pub(crate) async fn run_in_transaction<F, R>(&self, job: Job<'_, F>) -> Answer
    where
        F: FnOnce(u32, Option<Handed>) -> R,
        R: Future<Output = Outcome>,
    {
        // The builder has asked before.
        let Some(transactions) = self.store.transactions() else {
            self.stats.store_errors.add();
            tracing::error!("the store no longer gives transactions");
            return Answer::Later(Later::Store, Later::DEFAULT);
        };
        let event = job.keys.event;
        let place = loop {
            if let Some(place) = self.places.take(event) {
                break place;
            }
            if let Some(answer) = self.wait_for_place(event).await {
                return answer;
            }
        };
        let answer = self.transact(transactions, job).await;
        // In this order: who finds the place taken has yet to be told.
        drop(place);
        self.twins.settled(event, answer);
        answer
    }

    /// The outcome of the delivery that has the place, if that comes soon; none if it has left the place.
    async fn wait_for_place(&self, event: Key) -> Option<Answer> {
        let mut wait = self.twins.wait(event);
        if !self.places.is_taken(event) {
            return None;
        }
        let mut phase = self.phase.clone();
        tokio::select! {
            biased;
            answer = wait.answer() => {
                self.stats.duplicates.add();
                tracing::info!("answered with the outcome of a delivery of the same event");
                Some(answer)
            }
            () = sleep(self.limits.twin_wait) => Some(self.busy()),
            () = released(&mut phase) => Some(Answer::Later(Later::ShuttingDown, Later::DEFAULT)),
        }
    }

    async fn transact<F, R>(&self, transactions: &dyn Transactions, job: Job<'_, F>) -> Answer
    where
        F: FnOnce(u32, Option<Handed>) -> R,
        R: Future<Output = Outcome>,
    {
        let claim = Claim::new(job.keys.event, job.keys.delivery, self.limits.lease);
        match transactions.begin(claim, self.limits.store_timeout).await {
            Ok(Begun::Open(open)) if open.claimed.record != job.keys.event => {
                self.warn_of_reuse();
                // Its first event failed and waits for its next attempt: that is not this one's to take.
                open.give_back().await;
                let keys = Keys {
                    delivery: None,
                    ..job.keys
                };
                Box::pin(self.transact(transactions, Job { keys, ..job })).await
            }
            Ok(Begun::Open(open)) => self.run_open(transactions, job, open).await,
            Ok(Begun::Not(claimed)) => {
                if claimed.record != job.keys.event {
                    self.warn_of_reuse();
                }
                self.answer_unclaimed(claimed).await
            }
            Ok(Begun::Locked) => self.busy(),
            Ok(Begun::Busy) => {
                self.stats.overloaded.add();
                tracing::warn!("too many transactions are open");
                Answer::Later(Later::Busy, Later::DEFAULT)
            }
            // Whatever `fail_open` says: without the store there is no transaction.
            Err(error) => {
                self.stats.store_errors.add();
                tracing::error!(%error, "no transaction: answered 503");
                Answer::Later(Later::Store, Later::DEFAULT)
            }
        }
    }

    async fn run_open<F, R>(&self, transactions: &dyn Transactions, job: Job<'_, F>, open: Open) -> Answer
    where
        F: FnOnce(u32, Option<Handed>) -> R,
        R: Future<Output = Outcome>,
    {
        let Open {
            attempt,
            handed,
            ending,
            ..
        } = open;
        let ended = if attempt > self.limits.max_attempts {
            drop(handed);
            Ended::without_a_word()
        } else {
            self.stats.runs.add();
            self.attend(pin!((job.handler)(attempt, Some(handed))), None)
                .await
        };
        // The handler is gone, and has given the transaction back.
        let ended = match ended {
            Ended::Itself(outcome) if outcome.is_ok() => match ending.commit().await {
                Committed::Yes => Ended::Itself(outcome),
                Committed::No(error) => {
                    let error = format!("its transaction was not committed: {error}");
                    Ended::Itself(Outcome::Retry(Failure::retry(error)))
                }
                Committed::Unknown(error) => {
                    self.stats.store_errors.add();
                    tracing::error!(%error, "whether the event is handled will be seen when it comes again: answered 503");
                    return Answer::Later(Later::Store, Later::DEFAULT);
                }
            },
            ended => {
                ending.roll_back().await;
                ended
            }
        };
        // Nothing is left of it, and nothing has failed.
        let counts = !matches!(ended, Ended::Stopped);
        let (end, answer) = self.judge(ended, attempt, job.replay, job.body);
        match end {
            End::Release | End::Dead(_) if counts => self.count(transactions, job.keys, end, answer).await,
            _ => answer,
        }
    }

    /// Records that a run failed: what it has done was rolled back, its claim included.
    async fn count(&self, transactions: &dyn Transactions, keys: Keys, end: End, answer: Answer) -> Answer {
        let dead = matches!(end, End::Dead(_));
        // To say that it is set aside would be a lie.
        let uncounted = if dead {
            Answer::Later(Later::Store, Later::DEFAULT)
        } else {
            answer
        };
        let claim = Claim::new(keys.event, keys.delivery, self.limits.lease);
        let claimed = match self.within_timeout(transactions.count(claim, end)).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.stats.store_errors.add();
                tracing::error!(%error, "a failed attempt could not be counted");
                return uncounted;
            }
        };
        match claimed.verdict {
            Verdict::Granted { .. } if claimed.record == keys.event => answer,
            // The delivery key was bound to another event meanwhile.
            Verdict::Granted { .. } => uncounted,
            // Another process was faster: it runs what failed here, or has settled it.
            Verdict::Running { lease_left } => Answer::Later(Later::Running, Later::seconds(lease_left)),
            Verdict::Done | Verdict::Dead | Verdict::Full => self.answer_unclaimed(claimed).await,
        }
    }

    fn busy(&self) -> Answer {
        self.stats.busy.add();
        tracing::info!("still running in another delivery");
        Answer::Later(Later::Running, Later::DEFAULT)
    }
}

impl Open {
    /// As if it had not been begun.
    async fn give_back(self) {
        drop(self.handed);
        self.ending.roll_back().await;
    }
}
