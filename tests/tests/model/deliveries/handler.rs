//! The scripted handler and its journal.

use super::MAX_ATTEMPTS;
use super::scenario::{Ending, Run};
use apideck_hooks::events::AnyEvent;
use apideck_hooks::{Delivery, Failure, Outcome, Permanent, State, on};
use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The journal of the handler, shared by all receivers.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) scripts: Vec<VecDeque<Run>>,
    /// The attempts of each event.
    pub(super) attempts: Vec<Vec<u32>>,
    /// `true` after a successful run.
    pub(super) good: Vec<bool>,
    /// `true` after a `2xx` for a settled event.
    pub(super) acknowledged: Vec<bool>,
    pub(super) faults: Vec<String>,
}

/// The state of a receiver's handler.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) journal: Arc<Mutex<Journal>>,
    pub(super) crashed: watch::Receiver<bool>,
}

#[on("*")]
pub(super) async fn scripted(
    _event: AnyEvent,
    delivery: Delivery,
    State(handler): State<Handler>,
) -> Outcome {
    let event = delivery
        .event_id()
        .and_then(|id| id.parse::<usize>().ok())
        .expect("an id");
    let run = {
        let mut journal = handler.journal.lock().expect("no panic");
        if *handler.crashed.borrow() {
            drop(journal);
            return pending().await;
        }
        if journal.acknowledged[event] {
            journal
                .faults
                .push(format!("event {event} runs after its acknowledgement"));
        }
        let attempt = delivery.attempt();
        if journal.attempts[event]
            .last()
            .is_some_and(|last| *last >= attempt)
            || attempt > MAX_ATTEMPTS
        {
            let before = journal.attempts[event].clone();
            journal
                .faults
                .push(format!("event {event}: attempt {attempt} after {before:?}"));
        }
        journal.attempts[event].push(attempt);
        journal.scripts[event].pop_front().unwrap_or(Run {
            seconds: 0,
            end: Ending::Succeed,
        })
    };
    sleep(Duration::from_secs(run.seconds)).await;
    if *handler.crashed.borrow() {
        return pending().await;
    }
    match run.end {
        Ending::Succeed | Ending::Ignore => {
            handler.journal.lock().expect("no panic").good[event] = true;
            if matches!(run.end, Ending::Ignore) {
                Outcome::Ignore
            } else {
                Outcome::Done
            }
        }
        Ending::Fail => Outcome::Retry(Failure::retry("not now")),
        Ending::FailUntil => Outcome::Retry(Failure::retry_after(Duration::from_secs(30), "not now")),
        Ending::Refuse => Failure::from(Permanent("never")).into(),
        Ending::Panic => panic!("told to panic"),
        Ending::Hang => pending().await,
    }
}
