//! Whole deliveries: a sender that goes on until it is told to stop, a handler whose runs end in all ways, a store whose
//! calls fail, and receivers that crash. What a `2xx` says is true, and every event ends.

use super::faulty::{Fault, Faulty, Outage, Shared};
use super::seeds::histories;
use apideck_hooks::events::AnyEvent;
use apideck_hooks::store::{Key, Status, Store};
use apideck_hooks::{Delivery, Failure, Hooks, MemoryStore, Outcome, Permanent, State, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::delivery::{Delivery as Sent, Reply};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::spy::Spy;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;
use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const EVENT: &str = "vault.connection.callable";
const EVENTS: usize = 3;
const MAX_ATTEMPTS: u32 = 5;
/// Apideck's pauses between its tries, in seconds; a sender that never gives up keeps to the last one.
const PAUSES: [u64; 9] = [180, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200];
/// More than there are faults, crashes and attempts in any history.
const TRIES: usize = 100;

#[derive(Clone, Debug)]
struct Scenario {
    events: Vec<Event>,
    faults: Vec<Fault>,
    outages: Vec<Outage>,
    /// Of one receiver and the other in turn, in seconds from the start.
    crashes: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Event {
    /// How the handler's runs end; those that follow succeed.
    runs: Vec<Run>,
    /// Sent a second time each time, so many seconds later.
    twin: Option<u64>,
    /// Whether it comes with its idempotency key.
    with_key: bool,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    seconds: u64,
    end: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Succeed,
    Ignore,
    Fail,
    FailUntil,
    Refuse,
    Panic,
    Hang,
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    use Ending::{Fail, FailUntil, Hang, Ignore, Panic, Refuse, Succeed};
    // Within the wait for a twin, over a lease, over the deadline of the answer, over several leases.
    let seconds = select(vec![0, 2, 20, 40, 55, 100, 250]);
    let end = select(vec![
        Succeed, Succeed, Ignore, Fail, Fail, FailUntil, Refuse, Panic, Hang,
    ]);
    let run = (seconds, end).prop_map(|(seconds, end)| Run { seconds, end });
    let event = (vec(run, 0..6), proptest::option::of(0_u64..70), any::<bool>());
    let event = event.prop_map(|(runs, twin, with_key)| Event { runs, twin, with_key });
    let late = select(vec![1, 4, 6, 25, 31, 70, 200]);
    let fault = prop_oneof![
        5 => Just(Fault::None),
        2 => Just(Fault::Fail),
        2 => Just(Fault::LoseAnswer),
        2 => late.prop_map(|seconds| Fault::Late(Duration::from_secs(seconds))),
        1 => Just(Fault::Hang),
    ];
    let crash = prop_oneof![4 => 0_u64..110, 2 => 150_u64..300, 1 => 0_u64..5000];
    // Over a lease, and most from its start.
    let from = prop_oneof![2 => 0_u64..20, 1 => 0_u64..250];
    let outage = (from, 10_u64..80, any::<bool>()).prop_map(|(from, seconds, renewals)| Outage {
        from,
        seconds,
        renewals,
    });
    let all = (
        vec(event, 1..=EVENTS),
        vec(fault, 0..40),
        vec(outage, 0..3),
        vec(crash, 0..4),
    );
    all.prop_map(|(events, faults, outages, mut crashes)| {
        crashes.sort_unstable();
        Scenario {
            events,
            faults,
            outages,
            crashes,
        }
    })
}

/// What the handler did, whichever receiver ran it.
#[derive(Default)]
struct Journal {
    scripts: Vec<VecDeque<Run>>,
    /// The attempts that were run.
    attempts: Vec<Vec<u32>>,
    /// Whether a run went well.
    good: Vec<bool>,
    /// Whether a `2xx` was sent of what is settled.
    acknowledged: Vec<bool>,
    faults: Vec<String>,
}

/// A receiver's handler.
#[derive(Clone)]
struct Handler {
    journal: Arc<Mutex<Journal>>,
    crashed: watch::Receiver<bool>,
}

#[on("*")]
async fn scripted(_event: AnyEvent, delivery: Delivery, State(handler): State<Handler>) -> Outcome {
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
                .push(format!("event {event} is run after it was acknowledged"));
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

struct Receiver {
    hooks: Hooks,
    crash: watch::Sender<bool>,
}

/// The receivers that are up, and what outlives them.
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

    /// They take turns.
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

    /// One try; whether it was acknowledged.
    async fn send(&self, event: usize, delivery: &Sent) -> bool {
        let receiver = self.receiver();
        let mut crashed = receiver.crash.subscribe();
        let reply = tokio::select! {
            biased;
            _ = crashed.wait_for(|crashed| *crashed) => return false,
            reply = timeout(Duration::from_secs(60), delivery.call(&receiver.hooks)) => reply,
        };
        let Ok(reply) = reply else {
            self.note(format!("event {event}: no answer within a minute"));
            return false;
        };
        self.judge(event, &reply, receiver.hooks.stats().unrecorded).await;
        reply.status == 200
    }

    /// I5: what an answer says is so.
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
            // The one lie that is told: it was handled, and that could not be recorded.
            "handled" | "ignored" => good && (done || unrecorded > 0),
            "duplicate" => done && good || dead,
            "dead_lettered" => dead,
            "500" | "503" => true,
            _ => false,
        };
        if !fits {
            journal.faults.push(format!(
                "event {event} is answered {word}: {status:?}, handled: {good}"
            ));
        }
        if reply.status == 503 && reply.retry_after().is_none() {
            journal
                .faults
                .push(format!("event {event} is answered 503 without a time"));
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

    /// I8: a sender that goes on has it settled at last.
    async fn keep_sending(self: Arc<Self>, event: usize, plan: Event) {
        let mut delivery = sent(event);
        if !plan.with_key {
            delivery = delivery.without("x-apideck-idempotency-key");
        }
        let mut twins = JoinSet::new();
        let mut ends = 0;
        for n in 0..TRIES {
            if let Some(after) = plan.twin {
                let (world, delivery) = (Arc::clone(&self), delivery.clone());
                twins.spawn(async move {
                    sleep(Duration::from_secs(after)).await;
                    world.send(event, &delivery).await
                });
            }
            // Once more then, long after.
            ends += usize::from(self.send(event, &delivery).await && self.settled(event).await);
            if ends == 2 {
                break;
            }
            sleep(Duration::from_secs(PAUSES[n.min(PAUSES.len() - 1)])).await;
        }
        twins.join_all().await;
        if ends < 2 || !self.settled(event).await {
            let status = self.status(event).await;
            self.note(format!("event {event} has not come to an end: {status:?}"));
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

/// The name of an event's record, which is the same everywhere.
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
        // In no other runtime.
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
fn case_31_what_a_2xx_says_is_true_and_every_event_ends() {
    histories(3000, &scenarios(), |scenario| play(&scenario));
}
