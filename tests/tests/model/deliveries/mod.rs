//! Whole deliveries through random faults: handlers end in all ways, calls to the store fail, and
//! receivers crash. Every `2xx` is true, and every event that is sent often enough ends.

mod handler;
mod scenario;

use super::faulty::{Faulty, Shared};
use super::seeds::histories;
use apideck_hooks::store::{Key, Status, Store};
use apideck_hooks::{Hooks, MemoryStore, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery as Sent, Reply};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::spy::Spy;
use handler::{Handler, Journal, scripted};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use scenario::{Event, Scenario, scenarios};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const EVENT: &str = "vault.connection.callable";
const EVENTS: usize = 3;
const MAX_ATTEMPTS: u32 = 5;
/// Apideck's pauses between retries, in seconds. This sender never gives up and repeats the last
/// one.
const PAUSES: [u64; 9] = [180, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200];
/// More deliveries than faults, crashes and attempts in any history.
const DELIVERIES: usize = 100;

struct Receiver {
    hooks: Hooks,
    crash: watch::Sender<bool>,
}

/// The running receivers, and the state that outlives them.
struct World {
    shared: Shared,
    journal: Arc<Mutex<Journal>>,
    up: Mutex<VecDeque<Arc<Receiver>>>,
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        let retention = Duration::from_secs(1000 * 24 * 60 * 60);
        let store = MemoryStore::builder().retention(retention).build();
        let shared = Shared::new(store, &scenario.faults, &scenario.outages);
        let count = scenario.events.len();
        let journal = Arc::new(Mutex::new(Journal {
            scripts: scenario
                .events
                .iter()
                .map(|event| event.runs.iter().copied().collect())
                .collect(),
            attempts: vec![Vec::new(); count],
            good: vec![false; count],
            acknowledged: vec![false; count],
            faults: Vec::new(),
        }));
        let up = Mutex::new((0..2).map(|_| Arc::new(start(&shared, &journal))).collect());
        World { shared, journal, up }
    }

    /// Selects the receivers in turn.
    fn receiver(&self) -> Arc<Receiver> {
        let mut up = self.up.lock().expect("no panic");
        up.rotate_left(1);
        Arc::clone(&up[0])
    }

    fn crash(&self) {
        let next = Arc::new(start(&self.shared, &self.journal));
        let mut up = self.up.lock().expect("no panic");
        up.push_back(next);
        if let Some(gone) = up.pop_front() {
            gone.crash.send_replace(true);
        }
    }

    /// Sends one delivery. Returns `true` if it was acknowledged.
    async fn send(&self, event: usize, delivery: &Sent) -> bool {
        let receiver = self.receiver();
        let mut crashed = receiver.crash.subscribe();
        let reply = tokio::select! {
            biased;
            _ = crashed.wait_for(|crashed| *crashed) => return false,
            reply = timeout(Duration::from_secs(60), delivery.call(&receiver.hooks)) => reply,
        };
        let Ok(reply) = reply else {
            self.note(format!("event {event}: no response within a minute"));
            return false;
        };
        self.judge(event, &reply, receiver.hooks.stats().unrecorded).await;
        reply.status == 200
    }

    /// Checks that a response is true.
    async fn judge(&self, event: usize, reply: &Reply, unrecorded: u64) {
        let status = self.status(event).await;
        let word = reply.word();
        let (done, dead) = (
            matches!(status, Status::Done { .. }),
            matches!(status, Status::Dead { .. }),
        );
        let mut journal = self.journal.lock().expect("no panic");
        let good = journal.good[event];
        let fits = match word.as_str() {
            // The record may be missing after a handled event if the store was down.
            "handled" | "ignored" => good && (done || unrecorded > 0),
            "duplicate" => done && good || dead,
            "dead_lettered" => dead,
            "500" | "503" => true,
            _ => false,
        };
        if !fits {
            journal
                .faults
                .push(format!("event {event} gets {word}: {status:?}, handled: {good}"));
        }
        if reply.status == 503 && reply.retry_after().is_none() {
            journal
                .faults
                .push(format!("event {event} gets a 503 without `Retry-After`"));
        }
        if reply.status == 200 && (done || dead) {
            journal.acknowledged[event] = true;
        }
    }

    async fn status(&self, event: usize) -> Status {
        self.shared.store.status(record(event)).await.expect("memory")
    }

    async fn settled(&self, event: usize) -> bool {
        matches!(
            self.status(event).await,
            Status::Done { .. } | Status::Dead { .. }
        )
    }

    fn note(&self, fault: String) {
        self.journal.lock().expect("no panic").faults.push(fault);
    }

    /// Sends an event until it is settled, and once more long after.
    async fn keep_sending(self: Arc<Self>, event: usize, plan: Event) {
        let mut delivery = sent(event);
        if !plan.with_key {
            delivery = delivery.without("x-apideck-idempotency-key");
        }
        let mut duplicates = JoinSet::new();
        let mut ends = 0;
        for n in 0..DELIVERIES {
            if let Some(after) = plan.duplicate {
                let (world, delivery) = (Arc::clone(&self), delivery.clone());
                duplicates.spawn(async move {
                    sleep(Duration::from_secs(after)).await;
                    world.send(event, &delivery).await
                });
            }
            // The second acknowledgement comes long after the first.
            ends += usize::from(self.send(event, &delivery).await && self.settled(event).await);
            if ends == 2 {
                break;
            }
            sleep(Duration::from_secs(PAUSES[n.min(PAUSES.len() - 1)])).await;
        }
        duplicates.join_all().await;
        if ends < 2 || !self.settled(event).await {
            let status = self.status(event).await;
            self.note(format!("event {event} has not ended: {status:?}"));
        }
    }
}

fn start(shared: &Shared, journal: &Arc<Mutex<Journal>>) -> Receiver {
    let (crash, crashed) = watch::channel(false);
    let handler = Handler {
        journal: Arc::clone(journal),
        crashed: crashed.clone(),
    };
    let store = Faulty {
        shared: shared.clone(),
        crashed,
    };
    let hooks = Hooks::builder(router![scripted])
        .secret(SECRET)
        .state(handler)
        .store(store)
        .max_attempts(MAX_ATTEMPTS)
        .handler_timeout(Duration::from_secs(300))
        .build()
        .expect("a receiver");
    Receiver { hooks, crash }
}

fn sent(event: usize) -> Sent {
    Sent::event(EVENT, &event.to_string())
}

/// The key of an event's record. It is the same in every store.
fn record(event: usize) -> Key {
    static RECORDS: OnceLock<Vec<Key>> = OnceLock::new();
    let records = RECORDS.get_or_init(|| {
        let find = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            runtime.expect("a runtime").block_on(async {
                let spy = Spy::default();
                let hooks = Probe::default()
                    .hooks()
                    .store(spy.clone())
                    .build()
                    .expect("a receiver");
                let mut records = Vec::new();
                for event in 0..EVENTS {
                    sent(event).call(&hooks).await;
                    records.push(spy.last_claim().record);
                }
                records
            })
        };
        // This thread has no other runtime.
        std::thread::spawn(find).join().expect("no panic")
    });
    records[event]
}

fn play(scenario: &Scenario) -> TestCaseResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let faults = runtime.block_on(async {
        let world = Arc::new(World::new(scenario));
        let mut tasks = JoinSet::new();
        for (event, plan) in scenario.events.iter().enumerate() {
            tasks.spawn(Arc::clone(&world).keep_sending(event, plan.clone()));
        }
        let (crashing, crashes) = (Arc::clone(&world), scenario.crashes.clone());
        tasks.spawn(async move {
            let start = tokio::time::Instant::now();
            for at in crashes {
                tokio::time::sleep_until(start + Duration::from_secs(at)).await;
                crashing.crash();
            }
        });
        tasks.join_all().await;
        std::mem::take(&mut world.journal.lock().expect("no panic").faults)
    });
    prop_assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn case_31_every_2xx_is_true_and_every_event_ends() {
    histories(3000, &scenarios(), |scenario| play(&scenario));
}
