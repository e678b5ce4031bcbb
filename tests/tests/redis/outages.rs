//! Outages of Redis under load. No `200` is false, and the receiver needs no restart.

use super::ms;
use apideck_hooks::testing::Event;
use apideck_hooks::{Hooks, RedisStore, Rest};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{self, Deliver, Told};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::redis::proxy::{Mode, Proxy};
use apideck_hooks_tests::redis::server::{Server, can_start};
use apideck_hooks_tests::services::free_port;
use apideck_hooks_tests::waiting::until;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Senders of new events, which retry each one until it is acknowledged. Each returns its numbers
/// of events and of refusals.
struct Load {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<(usize, usize)>>,
    probe: Probe,
}

const SENDERS: usize = 16;

impl Load {
    fn start(hooks: &Hooks, probe: &Probe) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let senders = (0..SENDERS)
            .map(|sender| {
                let (hooks, probe, stop) = (hooks.clone(), probe.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let (mut sent, mut refused) = (0, 0);
                    while !stop.load(Ordering::SeqCst) {
                        let id = format!("e{sender}-{sent}");
                        refused += send(&hooks, &probe, &id).await;
                        sent += 1;
                    }
                    (sent, refused)
                })
            })
            .collect();
        Load {
            stop,
            senders,
            probe: probe.clone(),
        }
    }

    /// Stops the senders and checks that each event ran once.
    async fn end(self, hooks: &Hooks) {
        self.stop.store(true, Ordering::SeqCst);
        let (mut sent, mut refused) = (0, 0);
        for sender in self.senders {
            let (events, refusals) = sender.await.unwrap();
            sent += events;
            refused += refusals;
        }
        let mut runs: HashMap<_, usize> = HashMap::new();
        for run in self.probe.runs() {
            *runs.entry(run.event_id.unwrap()).or_default() += 1;
        }
        println!("{sent} events, {refused} refusals, {:?}", hooks.stats());
        assert_eq!(runs.len(), sent);
        let twice: Vec<_> = runs.iter().filter(|(_, count)| **count != 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        assert_eq!(hooks.stats().unrecorded, 0);
        // The store knows the events.
        for sender in 0..SENDERS {
            let delivery = event(&format!("e{sender}-0"));
            until("the event is known", async || {
                let reply = delivery.call(hooks).await;
                reply.code() == 200 && reply.outcome() == "duplicate"
            })
            .await;
        }
    }
}

fn event(id: &str) -> Event {
    kit::event("vault.connection.callable", id)
}

/// Sends an event until it is acknowledged. Returns the number of refusals.
async fn send(hooks: &Hooks, probe: &Probe, id: &str) -> usize {
    let mut refused = 0;
    loop {
        let reply = event(id).call(hooks).await;
        if reply.code() == 200 {
            let ran = |run: &apideck_hooks_tests::probe::Run| run.event_id.as_deref() == Some(id);
            assert!(probe.runs().iter().any(ran), "a false 200: {id} did not run");
            return refused;
        }
        // A duplicate can see a claim that is taken back, and is told that it failed.
        let away = reply.code() == 503 && reply.retry_after().is_some();
        assert!(away || reply.code() == 500, "{reply:?}");
        refused += 1;
        sleep(ms(50)).await;
    }
}

/// A receiver whose handler takes 20 ms every other time.
async fn receiver(url: String) -> (Hooks, Probe) {
    let slow = || Step::Sleep(ms(20), Box::new(Step::Succeed));
    let probe = Probe::new((0..50_000).flat_map(|_| [slow(), Step::Succeed]));
    let builder = RedisStore::builder(url)
        .call_timeout(ms(300))
        .connect_timeout(ms(300));
    let store = loop {
        if let Ok(store) = builder.clone().connect().await {
            break store;
        }
    };
    let hooks = probe
        .hooks()
        .store(store)
        .source("tests")
        .rest(Rest::None)
        // Longer than any outage, so that every finish is recorded.
        .lease(Duration::from_secs(30))
        .build()
        .unwrap();
    (hooks, probe)
}

/// Waits for new events to be handled.
async fn recovers(probe: &Probe) {
    let before = probe.count();
    until("it recovers", async || probe.count() >= before + 2 * SENDERS).await;
}

/// Waits until calls to the store fail.
async fn suffers(hooks: &Hooks) {
    let before = hooks.stats().store_errors;
    until("calls fail", async || hooks.stats().store_errors > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_recovers_when_redis_is_killed_and_restarted() {
    if !can_start() {
        return;
    }
    let (directory, port) = (Directory::default(), free_port());
    let mut server = Server::durable(&directory, port).await;
    let (hooks, probe) = receiver(server.url()).await;
    let load = Load::start(&hooks, &probe);
    for _ in 0..5 {
        recovers(&probe).await;
        server.signal("KILL");
        drop(server);
        suffers(&hooks).await;
        server = Server::durable(&directory, port).await;
    }
    recovers(&probe).await;
    load.end(&hooks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_recovers_when_redis_hangs() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = Server::start(&directory, free_port(), &[]).await;
    let (hooks, probe) = receiver(server.url()).await;
    let load = Load::start(&hooks, &probe);
    for _ in 0..3 {
        recovers(&probe).await;
        server.signal("STOP");
        suffers(&hooks).await;
        sleep(ms(500)).await;
        server.signal("CONT");
    }
    recovers(&probe).await;
    load.end(&hooks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_28_the_store_recovers_from_a_broken_network() {
    if !can_start() {
        return;
    }
    let directory = Directory::default();
    let server = Server::start(&directory, free_port(), &[]).await;
    let proxy = Proxy::start(format!("127.0.0.1:{}", server.port)).await;
    let (hooks, probe) = receiver(format!("redis://{}/", proxy.addr)).await;
    let load = Load::start(&hooks, &probe);
    for mode in [
        Mode::Stall,
        Mode::Refuse,
        Mode::LoseResponse(0),
        Mode::Stall,
        Mode::Refuse,
    ] {
        recovers(&probe).await;
        proxy.set(mode);
        // A call with a lost response is repeated without an error.
        match mode {
            Mode::LoseResponse(_) => until("a response is lost", async || proxy.mode() == Mode::Pass).await,
            _ => suffers(&hooks).await,
        }
        proxy.set(Mode::Pass);
    }
    recovers(&probe).await;
    proxy.stall_existing();
    recovers(&probe).await;
    load.end(&hooks).await;
}
