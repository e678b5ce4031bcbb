//! A handler that follows a script and records its runs.

use crate::waiting::GENEROUS;
use apideck_hooks::events::AnyEvent;
use apideck_hooks::{
    Delivery, Failure, Hooks, HooksBuilder, Outcome, Permanent, Rest, Routes, State, on, router,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// One step of the script, for one run of the handler.
#[derive(Clone, Debug)]
pub enum Step {
    Succeed,
    Fail,
    FailUntil(Duration),
    Refuse,
    Ignore,
    Panic,
    /// Sleeps before the next step.
    Sleep(Duration, Box<Step>),
    /// Waits for [`Probe::open`] before the next step.
    Gate(Box<Step>),
}

/// A recorded run of the handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub event_type: Option<String>,
    pub event_id: Option<String>,
    pub attempt: u32,
    pub execution_attempt: Option<u32>,
    pub idempotency_key: Option<String>,
    pub body: String,
}

/// The script and the recorded runs. Clones share them.
#[derive(Clone)]
pub struct Probe {
    script: Arc<Mutex<VecDeque<Step>>>,
    runs: Arc<Mutex<Vec<Run>>>,
    ended: Arc<Semaphore>,
    started: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Default for Probe {
    fn default() -> Self {
        Probe::new([])
    }
}

impl Probe {
    /// Sets the script: one step for each run. Later runs succeed.
    pub fn new(script: impl IntoIterator<Item = Step>) -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Probe {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            runs: Arc::default(),
            ended: none(),
            started: none(),
            gate: none(),
        }
    }

    pub fn runs(&self) -> Vec<Run> {
        self.runs.lock().expect("no panic").clone()
    }

    pub fn count(&self) -> usize {
        self.runs().len()
    }

    /// Waits until another run starts.
    pub async fn started(&self) {
        self.started.acquire().await.expect("open").forget();
    }

    /// Waits until another run ends by itself.
    pub async fn ended(&self) {
        self.ended.acquire().await.expect("open").forget();
    }

    /// Opens the gate for one run.
    pub fn open(&self) {
        self.gate.add_permits(1);
    }

    /// A receiver with this handler for every event.
    pub fn hooks(&self) -> HooksBuilder<impl Routes<Probe>, Probe> {
        Hooks::builder(router![scripted])
            .secret(crate::SECRET)
            .state(self.clone())
    }

    /// A receiver with generous limits, for stores that take real time. See [`patient`].
    pub fn patient_hooks(&self) -> HooksBuilder<impl Routes<Probe>, Probe> {
        patient(self.hooks())
    }
}

/// Sets limits that even a busy machine does not reach, no rests, and a source for shared stores.
pub fn patient<R: Routes<S>, S>(hooks: HooksBuilder<R, S>) -> HooksBuilder<R, S> {
    hooks
        .response_deadline(2 * GENEROUS)
        .handler_timeout(2 * GENEROUS)
        .duplicate_wait(GENEROUS)
        .store_timeout(GENEROUS)
        .lease(2 * GENEROUS)
        .rest(Rest::None)
        .source("tests")
}

#[on("*")]
async fn scripted(event: AnyEvent, delivery: Delivery, State(probe): State<Probe>) -> Outcome {
    probe
        .run(event.event_type().map(ToString::to_string), &delivery)
        .await
}

impl Probe {
    /// Records a run and takes the next step of the script.
    pub async fn run(&self, event_type: Option<String>, delivery: &Delivery) -> Outcome {
        self.runs.lock().expect("no panic").push(Run {
            event_type,
            event_id: delivery.event_id().map(str::to_owned),
            attempt: delivery.attempt(),
            execution_attempt: delivery.execution_attempt(),
            idempotency_key: delivery.idempotency_key().map(str::to_owned),
            body: String::from_utf8_lossy(delivery.body()).into_owned(),
        });
        let step = self
            .script
            .lock()
            .expect("no panic")
            .pop_front()
            .unwrap_or(Step::Succeed);
        self.started.add_permits(1);
        let outcome = take(step, self).await;
        self.ended.add_permits(1);
        outcome
    }
}

async fn take(mut step: Step, probe: &Probe) -> Outcome {
    loop {
        step = match step {
            Step::Sleep(time, next) => {
                tokio::time::sleep(time).await;
                *next
            }
            Step::Gate(next) => {
                probe.gate.acquire().await.expect("open").forget();
                *next
            }
            Step::Succeed => return Outcome::Done,
            Step::Ignore => return Outcome::Ignore,
            Step::Fail => return Outcome::Retry(Failure::retry("secret-reason")),
            Step::FailUntil(after) => return Outcome::Retry(Failure::retry_after(after, "secret-reason")),
            Step::Refuse => return Failure::from(Permanent("secret-reason")).into(),
            Step::Panic => panic!("secret-reason"),
        };
    }
}
