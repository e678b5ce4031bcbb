//! `kill -9` of receivers, workers and the NATS server.

use crate::world::{World, send, send_until_accepted};
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::waiting::until;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;

async fn kill(receiver: Receiver) {
    receiver.signal("KILL").await;
    assert!(!receiver.wait().await.success());
}

#[tokio::test]
async fn inbox_06_the_event_of_a_killed_worker_runs_elsewhere_and_has_one_effect() {
    let Some(world) = World::new().await else { return };
    let receiver = world.receiver().await;
    let mut worker = world.worker();
    let hold = world.hold().await;
    let answer = send("hold", receiver.addr).await;
    answer.expect("a response").assert_accepted();
    world.until_held(1).await;
    worker.kill().await.expect("the worker");
    let _other = world.worker();
    // The database still waits for the first run, whose transaction is rolled back then.
    world.until_held(2).await;
    hold.release().await;
    world.until_settled(1, 0).await;
    assert_eq!(world.syncs().await, 1);
}

/// Senders of events that repeat each until it is accepted.
struct Senders {
    tasks: JoinSet<()>,
    addr: watch::Sender<SocketAddr>,
    accepted: Arc<AtomicUsize>,
    events: usize,
}

const SENDERS: usize = 6;

fn consumer(n: usize) -> String {
    match n % 20 {
        0 => format!("bad-{n}"),
        1 | 2 => format!("flaky-{n}"),
        _ => format!("good-{n}"),
    }
}

impl Senders {
    fn start(receiver: &Receiver, events: usize) -> Self {
        let addr = watch::Sender::new(receiver.addr);
        let (accepted, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for sender in 0..SENDERS {
            let (watched, accepted) = (addr.subscribe(), Arc::clone(&accepted));
            tasks.spawn(async move {
                for n in (0..events).filter(|n| n % SENDERS == sender) {
                    send_until_accepted(&consumer(n), &watched).await;
                    accepted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self {
            tasks,
            addr,
            accepted,
            events,
        }
    }

    /// Waits until this part of the events is accepted.
    async fn until_accepted(&self, part: usize, of: usize) {
        until("more events are accepted", async || {
            self.accepted.load(Ordering::SeqCst) >= self.events * part / of
        })
        .await;
    }

    /// Waits for the end, and checks that each event is dead, or done with one effect.
    async fn check(self, world: &World) {
        self.tasks.join_all().await;
        let dead = self.events.div_ceil(20);
        world.until_settled(self.events - dead, dead).await;
        assert_eq!(world.syncs().await, self.events - dead);
        let distinct = "SELECT count(DISTINCT consumer) FROM syncs";
        assert_eq!(world.number(distinct).await, self.events - dead);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_receivers_lose_no_event() {
    const ROUNDS: usize = 6;
    let Some(world) = World::new().await else { return };
    let mut receiver = world.receiver().await;
    let _worker = world.worker();
    let senders = Senders::start(&receiver, 120);
    for round in 1..ROUNDS {
        senders.until_accepted(round, ROUNDS).await;
        kill(receiver).await;
        receiver = world.receiver().await;
        senders.addr.send_replace(receiver.addr);
    }
    senders.check(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_the_server_lose_no_event() {
    const ROUNDS: usize = 6;
    let Some(mut world) = World::new().await else {
        return;
    };
    let receiver = world.receiver().await;
    // The first half is accepted without a worker.
    let senders = Senders::start(&receiver, 240);
    let mut workers = Vec::new();
    for round in 1..ROUNDS {
        senders.until_accepted(round, ROUNDS).await;
        world.nats.kill();
        world.nats.restart().await;
        if round == ROUNDS / 2 {
            workers.push(world.worker());
        }
    }
    // In the place of one that was about to connect when the server was killed.
    workers.push(world.worker());
    senders.check(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_20_kills_of_all_processes_lose_and_repeat_nothing() {
    const ROUNDS: usize = 13;
    let Some(mut world) = World::new().await else {
        return;
    };
    let mut receiver = world.receiver().await;
    let mut workers = vec![world.worker(), world.worker()];
    let senders = Senders::start(&receiver, 400);
    for round in 1..ROUNDS {
        senders.until_accepted(round, ROUNDS).await;
        match round % 3 {
            0 => {
                kill(receiver).await;
                receiver = world.receiver().await;
                senders.addr.send_replace(receiver.addr);
            }
            1 => {
                workers.remove(0).kill().await.expect("the worker");
                workers.push(world.worker());
            }
            _ => {
                world.nats.kill();
                world.nats.restart().await;
            }
        }
    }
    // In the place of one that was about to connect when the server was killed.
    workers.push(world.worker());
    senders.check(&world).await;
}
