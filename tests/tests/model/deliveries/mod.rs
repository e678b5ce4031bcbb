//! Whole deliveries through random faults: handlers end in all ways, calls to the store fail,
//! receivers crash or shut down, and an operator replays and purges. Every `2xx` is true, and every
//! event that is sent often enough ends.

mod handler;
mod scenario;

use super::faulty::{Faulty, Shared};
use super::seeds::histories;
use apideck_hooks::store::{Key, Purged, RecordState, Status, Store};
use apideck_hooks::{Hooks, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery as Sent, Encoding, Reply, Signed};
use apideck_hooks_tests::fixtures;
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::spy::Spy;
use handler::{Handler, Journal, Purge, scripted};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use scenario::{Act, Event, Scenario, scenarios};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const EVENT: &str = "vault.connection.callable";
const EVENTS: usize = 3;
const MAX_ATTEMPTS: u32 = 5;
/// Time in which a shutdown waits for running handlers.
const GRACE: Duration = Duration::from_secs(10);
const HANDLER_TIMEOUT: Duration = Duration::from_secs(300);
/// Apideck's pauses between retries, in seconds. This sender never gives up and repeats the last
/// one.
const PAUSES: [u64; 9] = [180, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200];
/// The rests after each attempt, in seconds: four fifths of Apideck's pauses by their shorter
/// reading.
const RESTS: [u64; 8] = [96, 96, 240, 960, 1440, 2880, 5760, 11520];
/// More deliveries than faults, crashes and attempts in any history.
const DELIVERIES: usize = 100;

struct Receiver {
    hooks: Hooks,
    crash: watch::Sender<bool>,
    stopping: Arc<AtomicBool>,
}

/// The running receivers, and the state that outlives them.
struct World {
    shared: Shared,
    journals: Arc<[Mutex<Journal>]>,
    up: Mutex<VecDeque<Arc<Receiver>>>,
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        let shared = Shared::new(&scenario.faults, &scenario.outages);
        let journal = |event: &Event| Mutex::new(Journal::new(&event.runs));
        let journals: Arc<[_]> = scenario.events.iter().map(journal).collect();
        let up = Mutex::new((0..2).map(|_| Arc::new(start(&shared, &journals))).collect());
        World { shared, journals, up }
    }

    /// Selects the receivers in turn.
    fn receiver(&self) -> Arc<Receiver> {
        let mut up = self.up.lock().expect("no panic");
        up.rotate_left(1);
        Arc::clone(&up[0])
    }

    /// Ends a receiver and starts another one.
    async fn end(&self, shutdown: bool) {
        let next = Arc::new(start(&self.shared, &self.journals));
        let gone = {
            let mut up = self.up.lock().expect("no panic");
            up.push_back(next);
            up.pop_front().expect("a receiver")
        };
        if shutdown {
            gone.stopping.store(true, Ordering::SeqCst);
            gone.hooks.shutdown(GRACE).await;
        } else {
            gone.crash.send_replace(true);
        }
    }

    /// Calls a receiver. Returns `None` if it crashes meanwhile.
    async fn call<T>(&self, call: impl AsyncFnOnce(&Hooks) -> T) -> Option<T> {
        let receiver = self.receiver();
        let mut crashed = receiver.crash.subscribe();
        tokio::select! {
            biased;
            _ = crashed.wait_for(|crashed| *crashed) => None,
            result = call(&receiver.hooks) => Some(result),
        }
    }

    /// Sends one delivery. Returns `true` if it was acknowledged.
    async fn send(&self, event: usize, delivery: &Sent) -> bool {
        let minute = Duration::from_secs(60);
        let reply = self.call(async |hooks| {
            let reply = timeout(minute, delivery.call(hooks)).await;
            (reply, hooks.stats().unrecorded)
        });
        match reply.await {
            None => false,
            Some((Ok(reply), unrecorded)) => {
                self.judge(event, &reply, unrecorded).await;
                reply.status == 200
            }
            Some((Err(_), _)) => {
                self.note(event, "no response within a minute".to_owned());
                false
            }
        }
    }

    /// Checks that a response is true.
    async fn judge(&self, event: usize, reply: &Reply, unrecorded: u64) {
        let status = self.status(event).await;
        let word = reply.word();
        let done = status.state == RecordState::Done;
        let mut journal = self.journals[event].lock().expect("no panic");
        let good = journal.good;
        let settled = done && (good || journal.purge.is_some());
        let fits = match word.as_str() {
            // The record may be missing after a handled event if the store was down.
            "handled" | "ignored" => good && (done || unrecorded > 0),
            "duplicate" | "dead_lettered" => settled || status.kept,
            "500" | "503" => true,
            _ => false,
        };
        if !fits {
            let fault = format!("gets {word}: {status:?}, handled: {good}");
            journal.faults.push(fault);
        }
        if reply.status == 503 && reply.retry_after().is_none() {
            journal.faults.push("gets a 503 without `Retry-After`".to_owned());
        }
        if reply.status == 200 && (settled || status.kept) {
            journal.acknowledged = true;
        }
    }

    async fn status(&self, event: usize) -> Status {
        self.shared.store.status(record(event)).await.expect("memory")
    }

    async fn settled(&self, event: usize) -> bool {
        matches!(
            self.status(event).await.state,
            RecordState::Done | RecordState::Dead
        )
    }

    fn note(&self, event: usize, fault: String) {
        self.journals[event].lock().expect("no panic").faults.push(fault);
    }

    /// Sends an event until it is settled, and once more long after.
    async fn keep_sending(self: Arc<Self>, event: usize, plan: Event) {
        let mut duplicates = JoinSet::new();
        let mut ends = 0;
        for n in 0..DELIVERIES {
            let mut delivery = sent(event, n + 1);
            let mut captured = delivery.clone();
            if !plan.with_key {
                delivery = delivery.without(KEY);
            }
            if plan.captured {
                captured = captured.header(KEY, &format!("captured-{event}-{n}"));
            }
            if let Some(after) = plan.duplicate {
                let world = Arc::clone(&self);
                duplicates.spawn(async move {
                    sleep(Duration::from_secs(after)).await;
                    world.send(event, &captured).await
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
        if ends < 2 {
            let status = self.status(event).await;
            self.note(event, format!("has not ended: {status:?}"));
        }
    }

    /// Does what an operator does. Its calls may fail.
    async fn operate(&self, event: usize, act: Act) {
        let record = record(event);
        let journal = || self.journals[event].lock().expect("no panic");
        match act {
            Act::Replay => {
                let replay = async |hooks: &Hooks| {
                    let letters = hooks.dead_letters().expect("a store with dead letters");
                    letters.replay(record).await
                };
                self.call(replay).await;
            }
            Act::Purge => {
                journal().purge.get_or_insert(Purge::Perhaps);
                let purge = async |hooks: &Hooks| {
                    let letters = hooks.dead_letters().expect("a store with dead letters");
                    letters.purge(record).await
                };
                if let Some(Ok(Purged::Yes)) = self.call(purge).await {
                    journal().purge = Some(Purge::Certain);
                }
            }
            Act::EndRest => {
                journal().rest_ended = true;
                let _ = self
                    .call(async |hooks: &Hooks| hooks.end_rest(record).await)
                    .await;
            }
        }
    }

    /// Fills the list of dead letters for a time.
    async fn fill(&self, from: u64, seconds: u64) {
        sleep(Duration::from_secs(from)).await;
        self.shared.store.set_letters_full(true);
        sleep(Duration::from_secs(seconds)).await;
        self.shared.store.set_letters_full(false);
    }
}

fn start(shared: &Shared, journals: &Arc<[Mutex<Journal>]>) -> Receiver {
    let (crash, crashed) = watch::channel(false);
    let stopping = Arc::default();
    let handler = Handler {
        journals: Arc::clone(journals),
        crashed: crashed.clone(),
        stopping: Arc::clone(&stopping),
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
        .handler_timeout(HANDLER_TIMEOUT)
        .build()
        .expect("a receiver");
    Receiver {
        hooks,
        crash,
        stopping,
    }
}

const KEY: &str = "x-apideck-idempotency-key";

/// The n-th delivery of an event, from 1.
fn sent(event: usize, n: usize) -> Sent {
    let body = fixtures::body(EVENT, &event.to_string());
    let count = format!("\"execution_attempt\":{}", n.min(20));
    let mut delivery = Sent::event(EVENT, &event.to_string());
    delivery.body = body.replace("\"execution_attempt\":1", &count).into();
    delivery.signed(Signed::Raw, Encoding::Hex)
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
                    sent(event, 1).call(&hooks).await;
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
        let start = Instant::now();
        let at = move |seconds| sleep_until(start + Duration::from_secs(seconds));
        let mut tasks = JoinSet::new();
        for (event, plan) in scenario.events.iter().enumerate() {
            tasks.spawn(Arc::clone(&world).keep_sending(event, plan.clone()));
        }
        for (seconds, shutdown) in scenario.ends.clone() {
            let ended = Arc::clone(&world);
            tasks.spawn(async move {
                at(seconds).await;
                ended.end(shutdown).await;
            });
        }
        for (seconds, event, act) in scenario.acts.clone() {
            let event = event % scenario.events.len();
            let operated = Arc::clone(&world);
            tasks.spawn(async move {
                at(seconds).await;
                // The operator gives up a call that hangs, and no run: it ends before that.
                let _ = timeout(2 * HANDLER_TIMEOUT, operated.operate(event, act)).await;
            });
        }
        if let Some((from, seconds)) = scenario.full {
            let filled = Arc::clone(&world);
            tasks.spawn(async move { filled.fill(from, seconds).await });
        }
        tasks.join_all().await;
        // A replay can run to the last.
        sleep(2 * HANDLER_TIMEOUT).await;
        for event in 0..scenario.events.len() {
            if !world.settled(event).await {
                let status = world.status(event).await;
                world.note(event, format!("ends as {status:?}"));
            }
        }
        let journals = world.journals.iter().enumerate();
        let faults = journals.flat_map(|(event, journal)| {
            let faults = std::mem::take(&mut journal.lock().expect("no panic").faults);
            faults
                .into_iter()
                .map(move |fault| format!("event {event} {fault}"))
        });
        faults.collect::<Vec<_>>()
    });
    prop_assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn case_31_every_2xx_is_true_and_every_event_ends() {
    histories(3000, &scenarios(), |scenario| play(&scenario));
}
