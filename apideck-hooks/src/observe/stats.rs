//! The counts of a receiver.
//!
//! Each counter is an atomic of its own with `Relaxed` order, because a count orders no other
//! memory. So a snapshot that is taken meanwhile can show a run without its end.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::answered::AnswerKind;
use super::incident::IncidentKind;
use super::run::RunOutcome;
use crate::disposition::{Disposition, Why};
use crate::refusal::Refusal;

/// A count that only grows.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.add_many(1);
    }

    pub(super) fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! stats {
    (
        answers { $( $(#[$of_answer:meta])* $answer:ident, )* }
        others { $( $(#[$of_other:meta])* $other:ident, )* }
    ) => {
        /// The counts of a receiver since it was built. They only grow.
        ///
        /// The name of each count of answers is that of its [`Disposition`] or [`Refusal`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
        #[non_exhaustive]
        pub struct Stats {
            /// Requests that have ended: the sum of all answers, and of the requests whose client
            /// left before one.
            pub requests: u64,
            $( $(#[$of_answer])* pub $answer: u64, )*
            $( $(#[$of_other])* pub $other: u64, )*
        }

        impl Stats {
            /// Returns each count with its name.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [
                    ("requests", self.requests),
                    $( (stringify!($answer), self.$answer), )*
                    $( (stringify!($other), self.$other), )*
                ]
                .into_iter()
            }
        }

        /// The counters behind [`Stats`].
        #[derive(Default)]
        pub(super) struct Counters {
            $( $answer: Counter, )*
            $( pub(super) $other: Counter, )*
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> Stats {
                let mut stats = Stats {
                    requests: 0,
                    $( $answer: self.$answer.get(), )*
                    $( $other: self.$other.get(), )*
                };
                stats.requests = 0 $( + stats.$answer )*;
                stats
            }
        }
    };
}

stats! {
    answers {
        /// Answers to deliveries that handled their event, or waited for the one that did.
        handled,
        /// Answers to deliveries whose event the handler ignored.
        ignored,
        /// Answers to deliveries of events without a handler.
        no_handler,
        /// Answers to duplicates.
        duplicate,
        /// Answers to deliveries whose event the inbox keeps for a worker.
        accepted,
        /// Answers to deliveries whose event was dead-lettered.
        dead_lettered,
        /// Answers to deliveries whose event failed for good, with a store without dead letters.
        unprocessable,
        /// Answers to deliveries whose handler failed.
        failed,
        /// Answers to deliveries whose handler asked for a later one.
        asked_for_later,
        /// Answers to deliveries whose event rests after a failed run.
        resting,
        /// Answers to deliveries whose event's handler was still running.
        running,
        /// Answers to deliveries for which no permit, transaction or record was free.
        busy,
        /// Answers to deliveries whose dead letter has no room in the store.
        letters_full,
        /// Answers to deliveries for which the inbox was full.
        inbox_full,
        /// Answers to deliveries that met a shutdown.
        shutting_down,
        /// Answers to deliveries that met a failing store.
        store_failed,
        /// Answers to deliveries whose transaction conflicted with others.
        conflict,
        /// Requests with another method than `POST`.
        wrong_method,
        /// Requests whose signature is missing or does not match.
        unauthorized,
        /// Requests whose body is too long.
        too_large,
        /// Requests whose body did not arrive in time.
        too_slow,
        /// Requests whose body was cut, because all bodies together took too much memory.
        over_budget,
        /// Requests whose body ended early.
        incomplete,
        /// Deliveries with a header that names another event than the signed body.
        contradiction,
        /// Requests whose client left before the answer.
        abandoned,
    }
    others {
        /// Runs of handlers that were started. A replay's is among them.
        runs,
        /// Runs that handled their event.
        runs_handled,
        /// Runs that ignored their event.
        runs_ignored,
        /// Runs that failed and can be retried.
        runs_failed,
        /// Runs that failed for good.
        runs_dead_lettered,
        /// Runs whose transaction conflicted with another one.
        runs_conflicted,
        /// Runs that a shutdown stopped.
        runs_stopped,
        /// Runs that had lost their claim at their end.
        runs_claim_lost,
        /// Runs whose end could not be recorded.
        runs_unrecorded,
        /// Runs whose task was dropped.
        runs_dropped,
        /// Events that were dead-lettered.
        dead_letters,
        /// Dead letters that were purged.
        purged,
        /// Runs that panicked.
        panics,
        /// Runs that reached the handler's time limit.
        timeouts,
        /// Handlers that blocked their thread for longer than the lease.
        blocked,
        /// Deliveries answered `503` at the response deadline while their handler went on.
        late,
        /// Runs that lost their claim.
        claims_lost,
        /// Claims that led to no run and were withdrawn.
        withdrawn,
        /// Calls to the store that failed or took too long.
        store_errors,
        /// Records evicted from a full store before their retention was over.
        evicted,
        /// Expired records that were deleted and whose last run had no end.
        swept_unfinished,
        /// Claims refused because the store was full of running events.
        store_full,
        /// Ends of runs that could not be recorded.
        unrecorded,
        /// Runs without a claim, which `fail_open` allows.
        failed_open,
        /// Deliveries that could be the event's last one and were refused before the store was
        /// asked, because too many deliveries were in flight, the receiver was shutting down or the
        /// store failed.
        last_refused,
        /// Deliveries that were recognised by their delivery key, because their `event_id` is
        /// another.
        recognised_by_header,
        /// Idempotency keys that were treated as absent, because they are not 1 to 255 visible
        /// ASCII characters, or came twice.
        idempotency_key_unusable,
        /// Deliveries whose signed body is not an event although a header names one.
        unnamed,
        /// Panics of observers.
        observer_panics,
        /// Runs of workers that had no end when their lease ended, and were put back.
        recovered,
        /// Times at which the inbox became full.
        inbox_closed,
        /// Looks at the inbox that found events of a name that waited for ten minutes, and for
        /// which these workers have no handler.
        unfetched,
    }
}

impl Counters {
    pub(super) fn answer(&self, answer: AnswerKind) -> &Counter {
        match answer {
            AnswerKind::Disposition(disposition) => self.disposition(disposition),
            AnswerKind::Refused(refusal) => self.refusal(refusal),
        }
    }

    fn disposition(&self, disposition: Disposition) -> &Counter {
        match disposition {
            Disposition::Handled => &self.handled,
            Disposition::Ignored => &self.ignored,
            Disposition::NoHandler => &self.no_handler,
            Disposition::Duplicate => &self.duplicate,
            Disposition::Accepted => &self.accepted,
            Disposition::DeadLettered => &self.dead_lettered,
            Disposition::Unprocessable => &self.unprocessable,
            Disposition::Failed => &self.failed,
            Disposition::Later { why, .. } => match why {
                Why::Asked => &self.asked_for_later,
                Why::Resting => &self.resting,
                Why::Running => &self.running,
                Why::Busy => &self.busy,
                Why::LettersFull => &self.letters_full,
                Why::InboxFull => &self.inbox_full,
                Why::ShuttingDown => &self.shutting_down,
                Why::Store => &self.store_failed,
                Why::Conflict => &self.conflict,
            },
        }
    }

    fn refusal(&self, refusal: Refusal) -> &Counter {
        match refusal {
            Refusal::WrongMethod => &self.wrong_method,
            Refusal::Unauthorized => &self.unauthorized,
            Refusal::TooLarge => &self.too_large,
            Refusal::TooSlow => &self.too_slow,
            Refusal::OverBudget => &self.over_budget,
            Refusal::Incomplete => &self.incomplete,
            Refusal::Contradiction => &self.contradiction,
            Refusal::Abandoned => &self.abandoned,
        }
    }

    pub(super) fn run(&self, outcome: RunOutcome) -> &Counter {
        match outcome {
            RunOutcome::Handled => &self.runs_handled,
            RunOutcome::Ignored => &self.runs_ignored,
            RunOutcome::Failed => &self.runs_failed,
            RunOutcome::DeadLettered => &self.runs_dead_lettered,
            RunOutcome::Conflicted => &self.runs_conflicted,
            RunOutcome::Stopped => &self.runs_stopped,
            RunOutcome::ClaimLost => &self.runs_claim_lost,
            RunOutcome::Unrecorded => &self.runs_unrecorded,
            RunOutcome::Dropped => &self.runs_dropped,
        }
    }

    pub(super) fn incident(&self, kind: IncidentKind) -> &Counter {
        match kind {
            IncidentKind::DeadLettered => &self.dead_letters,
            IncidentKind::Purged => &self.purged,
            IncidentKind::Panicked => &self.panics,
            IncidentKind::TimedOut => &self.timeouts,
            IncidentKind::Blocked => &self.blocked,
            IncidentKind::Late => &self.late,
            IncidentKind::ClaimLost => &self.claims_lost,
            IncidentKind::Withdrawn => &self.withdrawn,
            IncidentKind::StoreFailed => &self.store_errors,
            IncidentKind::Evicted => &self.evicted,
            IncidentKind::SweptUnfinished => &self.swept_unfinished,
            IncidentKind::StoreFull => &self.store_full,
            IncidentKind::Unrecorded => &self.unrecorded,
            IncidentKind::FailedOpen => &self.failed_open,
            IncidentKind::LastRefused => &self.last_refused,
            IncidentKind::RecognisedByHeader => &self.recognised_by_header,
            IncidentKind::IdempotencyKeyUnusable => &self.idempotency_key_unusable,
            IncidentKind::Unnamed => &self.unnamed,
            IncidentKind::ObserverPanicked => &self.observer_panics,
            IncidentKind::Recovered => &self.recovered,
            IncidentKind::InboxClosed => &self.inbox_closed,
            IncidentKind::Unfetched => &self.unfetched,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Each outcome has a counter of its own, under its name.
    #[test]
    fn every_outcome_is_counted_under_its_name() {
        let whys = [
            Why::Asked,
            Why::Resting,
            Why::Running,
            Why::Busy,
            Why::LettersFull,
            Why::InboxFull,
            Why::ShuttingDown,
            Why::Store,
            Why::Conflict,
        ];
        let dispositions = [
            Disposition::Handled,
            Disposition::Ignored,
            Disposition::NoHandler,
            Disposition::Duplicate,
            Disposition::Accepted,
            Disposition::DeadLettered,
            Disposition::Unprocessable,
            Disposition::Failed,
        ];
        let dispositions = dispositions.into_iter().chain(whys.map(Disposition::later));
        let answers = dispositions
            .map(AnswerKind::Disposition)
            .chain(Refusal::ALL.map(AnswerKind::Refused));
        let counters = Counters::default();
        let mut expected = HashMap::new();
        let mut count = |counter: &Counter, name: String| {
            counter.add();
            assert_eq!(expected.insert(name, 1), None);
        };
        let mut requests = 0;
        for answer in answers {
            requests += 1;
            count(counters.answer(answer), answer.to_string());
        }
        for outcome in RunOutcome::ALL {
            count(counters.run(*outcome), format!("runs_{outcome}"));
        }
        for kind in IncidentKind::ALL {
            count(counters.incident(*kind), kind.to_string());
        }
        count(&counters.runs, "runs".to_owned());
        expected.insert("requests".to_owned(), requests);
        let stats = counters.snapshot();
        let counted: HashMap<_, _> = stats.iter().map(|(name, n)| (name.to_owned(), n)).collect();
        assert_eq!(counted, expected);
        let json = serde_json::to_value(stats).unwrap();
        assert_eq!(json.as_object().unwrap().len(), counted.len());
        assert_eq!(json["unauthorized"], 1);
    }
}
