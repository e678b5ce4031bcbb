//! Servers of a test's own, which are killed. They or their standby keep everything that was
//! acknowledged.

use super::{EVENT, hooks};
use apideck_hooks::testing::Event;
use apideck_hooks::{Hooks, HooksBuilder, PostgresStore, Routes};
use apideck_hooks_tests::kit::{self, Deliver, Told};
use apideck_hooks_tests::postgres::pool;
use apideck_hooks_tests::postgres::server::{Installation, Server};
use apideck_hooks_tests::probe::{Probe, Step};
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

const SENDERS: usize = 16;

async fn receiver(server: &Server, probe: &Probe) -> HooksBuilder<impl Routes<Probe>, Probe> {
    let store = PostgresStore::builder(pool(server.options(), 4));
    // No sweep, because statements are counted.
    let store = store.sweep_every(Duration::MAX).build().unwrap();
    store.migrate().await.unwrap();
    hooks(probe).store(store)
}

/// A receiver with a short store timeout, for a server that is killed.
async fn impatient_receiver(server: &Server, probe: &Probe) -> Hooks {
    let hooks = receiver(server, probe).await;
    let hooks = hooks
        .store_timeout(Duration::from_secs(2))
        .lease(Duration::from_secs(30));
    hooks.build().unwrap()
}

fn event(id: &str) -> Event {
    kit::event(EVENT, id)
}

/// Senders of new events.
struct Load {
    /// The acknowledged events. `None` after the kill. After it, a handled event whose end cannot
    /// be recorded is acknowledged too, without the server.
    acknowledged: Arc<Mutex<Option<Vec<String>>>>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(hooks: &Hooks, name: &str) -> Self {
        let acknowledged = Arc::new(Mutex::new(Some(Vec::new())));
        let senders = (0..SENDERS).map(|sender| {
            let (hooks, acknowledged) = (hooks.clone(), Arc::clone(&acknowledged));
            let name = name.to_owned();
            tokio::spawn(async move {
                for n in 0.. {
                    let id = format!("{name}-{sender}-{n}");
                    let reply = event(&id).call(&hooks).await;
                    if let (200, Some(ids)) = (reply.code(), &mut *acknowledged.lock().unwrap()) {
                        ids.push(id);
                    }
                }
            })
        });
        Load {
            acknowledged: Arc::clone(&acknowledged),
            senders: senders.collect(),
        }
    }

    /// Waits until `count` events are acknowledged.
    async fn acknowledges(&self, count: usize) {
        let acknowledged = || self.acknowledged.lock().unwrap().as_ref().map_or(0, Vec::len);
        until("events are acknowledged", async || acknowledged() >= count).await;
    }

    /// Kills the server and returns the events that were acknowledged before.
    fn end(self, server: &mut Server) -> Vec<String> {
        let acknowledged = self.acknowledged.lock().unwrap().take();
        server.kill();
        self.senders.iter().for_each(JoinHandle::abort);
        acknowledged.expect("it was not ended before")
    }
}

/// A handler that fails permanently for every third event.
fn probe() -> Probe {
    let steps = [Step::Succeed, Step::Succeed, Step::Refuse];
    Probe::new((0..100_000).map(move |n| steps[n % 3].clone()))
}

/// Checks that no acknowledged event runs again.
async fn all_are_known(server: &Server, acknowledged: &[String]) {
    let probe = Probe::default();
    let hooks = receiver(server, &probe).await.build().unwrap();
    for ids in acknowledged.chunks(16) {
        let words = join_all(ids.iter().map(|id| {
            let hooks = hooks.clone();
            async move { event(id).call(&hooks).await.outcome() }
        }));
        for (id, word) in ids.iter().zip(words.await) {
            assert_eq!(word, "duplicate", "{id}");
        }
    }
    assert_eq!(probe.count(), 0);
    event("new").call(&hooks).await.assert_handled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_everything_that_was_acknowledged() {
    let Some(installation) = Installation::find() else {
        return;
    };
    let mut server = Server::start(&installation).await;
    let probe = probe();
    let hooks = impatient_receiver(&server, &probe).await;
    let mut acknowledged = Vec::new();
    for round in 1..=3 {
        let load = Load::start(&hooks, &round.to_string());
        load.acknowledges(100).await;
        acknowledged.extend(load.end(&mut server));
        server.restart().await;
    }
    all_are_known(&server, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_standby_keeps_everything_that_was_acknowledged() {
    let Some(installation) = Installation::find() else {
        return;
    };
    let mut primary = Server::start(&installation).await;
    let probe = probe();
    let hooks = impatient_receiver(&primary, &probe).await;
    let standby = primary.synchronous_standby().await;
    let load = Load::start(&hooks, "e");
    load.acknowledges(200).await;
    let acknowledged = load.end(&mut primary);
    standby.promote().await;
    all_are_known(&standby, &acknowledged).await;
}

/// Counts the statements in the log of the server. Each one is a round trip and a commit.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_costs_two_statements_and_a_duplicate_one() {
    let Some(installation) = Installation::find() else {
        return;
    };
    let server = Server::start(&installation).await;
    let probe = Probe::default();
    let hooks = receiver(&server, &probe).await.build().unwrap();
    let statements = || {
        let log = server.log();
        let said = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        (said("LOG:  execute"), said("LOG:  statement"))
    };
    event("warm").call(&hooks).await.assert_handled();
    // A task that `build` has started counts the dead letters.
    until("the dead letters are counted", async || {
        server.log().contains("GROUP BY k.source")
    })
    .await;
    let (before, plain) = statements();
    for n in 0..10 {
        event(&format!("e{n}")).call(&hooks).await.assert_handled();
    }
    let (handled, _) = statements();
    assert_eq!(handled - before, 20);
    for n in 0..10 {
        event(&format!("e{n}")).call(&hooks).await.assert_duplicate();
    }
    let (duplicates, plain_now) = statements();
    // Without `BEGIN`, each statement is a commit.
    assert_eq!((duplicates - handled, plain_now), (10, plain));
}
