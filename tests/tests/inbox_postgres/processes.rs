//! Receivers and workers in processes of their own, which are killed and stopped.

use crate::world::{EVENT, InboxFile, of_entity};
use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::inbox::{lives_until_dead, send_until_accepted};
use apideck_hooks_tests::kit::{Deliver, Told};
use apideck_hooks_tests::size::sized;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::sleep;

const LEAD: &str = "crm.lead.created";
const WAITING: &str = "SELECT count(*) FROM records WHERE due IS NOT NULL";

struct Processes {
    file: InboxFile,
    directory: Directory,
    lease: &'static str,
}

impl Processes {
    /// Returns `None`, after a report, without a server.
    async fn new(lease: &'static str) -> Option<Self> {
        let file = InboxFile::new().await?;
        file.execute("CREATE TABLE effects (event text NOT NULL)").await;
        Some(Self {
            file,
            directory: Directory::default(),
            lease,
        })
    }

    async fn start(&self, workers: &str) -> Receiver {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postgres-inbox"));
        command
            .env("SCHEMA", &self.file.database.schema)
            .env("EFFECTS", self.directory.file("effects"))
            .env("LEASE_MS", self.lease)
            .env("WORKERS", workers);
        Receiver::of(command).await
    }

    async fn receiver(&self) -> Receiver {
        self.start("0").await
    }

    async fn worker(&self) -> Receiver {
        self.start("1").await
    }

    async fn until_idle(&self) {
        until("the inbox is empty", async || {
            self.file.number(WAITING).await == 0
        })
        .await;
    }

    /// The lines of handlers without a transaction.
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.file("effects")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The ids of the events that have begun, in order.
    fn started(&self) -> Vec<String> {
        let lines = self.lines();
        let started = lines.iter().filter_map(|line| line.strip_prefix("start "));
        let id = |line: &str| line.split(' ').next().map(str::to_owned);
        started.filter_map(id).collect()
    }
}

async fn kill(process: Receiver) {
    process.signal("KILL").await;
    assert!(!process.wait().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_01_every_accepted_event_has_a_row_after_a_kill() {
    const ROUNDS: usize = 10;
    let Some(processes) = Processes::new("600000").await else {
        return;
    };
    let mut accepted = Vec::new();
    for round in 0..ROUNDS {
        let receiver = processes.receiver().await;
        let (addr, count) = (receiver.addr, Arc::new(AtomicUsize::new(0)));
        let senders = (0..8).map(|sender| {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for n in 0.. {
                    let id = format!("good-{round}-{sender}-{n}");
                    let Ok(answer) = of_entity(EVENT, &id, &id, 1).try_send(addr).await else {
                        break;
                    };
                    if answer.code() == 503 {
                        continue;
                    }
                    answer.assert_accepted();
                    ids.push(id);
                    count.fetch_add(1, Ordering::SeqCst);
                }
                ids
            })
        });
        let senders: Vec<_> = senders.collect();
        until("some are accepted", async || {
            count.load(Ordering::SeqCst) > round * 3
        })
        .await;
        kill(receiver).await;
        for ids in join_all(senders).await {
            accepted.extend(ids.unwrap());
        }
    }
    let ids = accepted
        .iter()
        .map(|id| format!("'{id}'"))
        .collect::<Vec<_>>()
        .join(",");
    let rows = format!("{WAITING} AND body IS NOT NULL AND event_id IN ({ids})");
    assert_eq!(processes.file.number(&rows).await as usize, accepted.len());
}

/// A worker that is stopped beyond its lease has lost its claim when it goes on. Its effect in a
/// transaction is rolled back, and its lane is not blocked meanwhile.
#[tokio::test]
async fn inbox_03_a_worker_that_was_stopped_beyond_its_lease_changes_nothing() {
    let Some(processes) = Processes::new("1000").await else {
        return;
    };
    let mut first = processes.worker().await;
    for (name, id) in [(EVENT, "slow-tx"), (LEAD, "slow-plain")] {
        of_entity(name, id, id, 1)
            .send(first.addr)
            .await
            .assert_accepted();
        first.line(&format!("started {id} 1")).await;
    }
    first.signal("STOP").await;
    let second = processes.worker().await;
    for (name, id) in [(EVENT, "slow-tx"), (LEAD, "slow-plain")] {
        of_entity(name, &format!("good {id}"), id, 2)
            .send(second.addr)
            .await
            .assert_accepted();
    }
    processes.until_idle().await;
    let done = "SELECT coalesce(sum(token), 0) FROM records";
    let before = processes.file.number(done).await;
    first.signal("CONT").await;
    // Both of its runs end now.
    for _ in 0..2 {
        first.enter().await;
    }
    until("its effect is there", async || {
        processes.lines().contains(&"end slow-plain 1".to_owned())
    })
    .await;
    of_entity(EVENT, "good last", "slow-tx", 3)
        .send(first.addr)
        .await
        .assert_accepted();
    processes.until_idle().await;
    let effects = "SELECT count(*) FROM effects";
    let (all, slow) = (effects.to_owned(), format!("{effects} WHERE event = 'slow-tx'"));
    assert_eq!(
        (
            processes.file.number(&all).await,
            processes.file.number(&slow).await
        ),
        (3, 1)
    );
    let others = format!("{done} WHERE key IN (SELECT key FROM records ORDER BY first_seen LIMIT 4)");
    assert_eq!(processes.file.number(&others).await, before);
    assert_eq!(
        processes
            .file
            .number("SELECT count(*) FROM records WHERE phase <> 1")
            .await,
        0
    );
    for process in [first, second] {
        kill(process).await;
    }
}

#[tokio::test]
async fn inbox_06_a_worker_that_was_killed_is_replaced_at_once() {
    let Some(processes) = Processes::new("1000").await else {
        return;
    };
    let mut worker = processes.worker().await;
    for (id, entity) in [("stuck", "a"), ("good-a", "a")] {
        let second = u32::from(id == "good-a");
        of_entity(LEAD, id, entity, second)
            .send(worker.addr)
            .await
            .assert_accepted();
    }
    worker.line("started stuck 1").await;
    kill(worker).await;
    let worker = processes.worker().await;
    of_entity(LEAD, "good-b", "b", 1)
        .send(worker.addr)
        .await
        .assert_accepted();
    processes.until_idle().await;
    // The event of the killed process runs again when its lease is over, before the next one of its
    // lane.
    let of_lane: Vec<_> = processes
        .started()
        .into_iter()
        .filter(|id| id != "good-b")
        .collect();
    assert_eq!(of_lane, ["stuck", "stuck", "good-a"]);
    kill(worker).await;
}

#[tokio::test]
async fn inbox_07_a_handler_that_kills_its_process_ends_as_a_dead_letter() {
    let Some(processes) = Processes::new("300").await else {
        return;
    };
    let receiver = processes.receiver().await;
    for name in [EVENT, LEAD] {
        let fatal = of_entity(name, &format!("fatal {name}"), name, 1);
        fatal.send(receiver.addr).await.assert_accepted();
    }
    let dead = "SELECT count(*) FROM records WHERE dead_at IS NOT NULL AND body IS NOT NULL";
    let lines = lives_until_dead(
        13,
        async || processes.worker().await,
        async || processes.file.number(dead).await == 2,
    )
    .await;
    for name in [EVENT, LEAD] {
        let started = format!("started fatal {name} ");
        let runs = lines.iter().filter(|line| line.starts_with(&started)).count();
        assert!((1..=6).contains(&runs), "{lines:?}");
    }
    // A claim counts too if its process ended before the run could begin.
    assert!(processes.file.number("SELECT min(attempts) FROM records").await >= 6);
    assert_eq!(processes.file.number("SELECT count(*) FROM effects").await, 0);
    let fatal = of_entity(EVENT, &format!("fatal {EVENT}"), EVENT, 1);
    fatal.send(receiver.addr).await.assert_duplicate();
    kill(receiver).await;
}

const LANES: usize = 18;
const SENDERS: usize = 6;

/// Each sender has lanes of its own, so that the events of a lane arrive in order.
fn chaos_event(n: usize) -> Event {
    let kind = match n % 20 {
        0 => "bad",
        1 | 2 => "flaky",
        _ => "good",
    };
    let (lane, second) = (n % LANES, n / LANES);
    let name = if n.is_multiple_of(2) { EVENT } else { LEAD };
    let id = format!("{kind}-{lane}-{second}");
    of_entity(name, &id, &format!("lane{lane}"), second as u32)
}

/// A receiver and three workers are killed and stopped in turn, under senders that retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_20_kills_and_stops_under_load_lose_and_repeat_nothing() {
    let Some(processes) = Processes::new("2000").await else {
        return;
    };
    let (events, rounds) = (sized(360), sized(20));
    let mut receiver = processes.receiver().await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(processes.worker().await);
    }
    let (addr, watched) = watch::channel(receiver.addr);
    let settled = Arc::new(AtomicUsize::new(0));
    let senders = (0..SENDERS).map(|sender| {
        let (watched, settled) = (watched.clone(), Arc::clone(&settled));
        tokio::spawn(async move {
            for n in (0..events).filter(|n| n % LANES % SENDERS == sender) {
                send_until_accepted(&chaos_event(n), &watched).await;
                settled.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    for round in 1..=rounds {
        until("some more are settled", async || {
            settled.load(Ordering::SeqCst) >= events * round / (rounds + 1)
        })
        .await;
        if round % 4 == 0 {
            kill(receiver).await;
            receiver = processes.receiver().await;
            addr.send_replace(receiver.addr);
            continue;
        }
        let worker = workers.remove(0);
        if round % 2 == 0 {
            worker.signal("STOP").await;
            sleep(Duration::from_millis(20)).await;
            worker.signal("CONT").await;
            workers.push(worker);
        } else {
            kill(worker).await;
            workers.push(processes.worker().await);
        }
    }
    for sender in senders {
        sender.await.unwrap();
    }
    processes.until_idle().await;
    for process in workers.into_iter().chain([receiver]) {
        kill(process).await;
    }
    check_chaos(&processes, events).await;
}

async fn check_chaos(processes: &Processes, events: usize) {
    let count = async |condition: &str| {
        let sql = format!("SELECT count(*) FROM records WHERE {condition}");
        processes.file.number(&sql).await as usize
    };
    // Accepted = done + dead.
    assert_eq!(count("dead_at IS NOT NULL AND phase = 3").await, events / 20);
    assert_eq!(count("phase = 1 AND body IS NULL").await, events - events / 20);
    // In transactions each effect is there once, and without it at least once.
    let in_transactions = events / 2 - events / 20;
    let effects = processes.file.number("SELECT count(*) FROM effects").await as usize;
    let distinct = "SELECT count(DISTINCT event) FROM effects";
    let distinct = processes.file.number(distinct).await as usize;
    assert_eq!((effects, distinct), (in_transactions, in_transactions));
    let lines = processes.lines();
    let ended = lines
        .iter()
        .filter_map(|line| line.strip_prefix("end ")?.split(' ').next());
    assert_eq!(ended.collect::<HashSet<_>>().len(), events / 2);
    let mut last: HashMap<String, usize> = HashMap::new();
    for id in processes.started() {
        let mut parts = id.split('-').skip(1);
        let lane = parts.next().unwrap().to_owned();
        let second: usize = parts.next().unwrap().parse().unwrap();
        let before = last.insert(lane, second);
        assert!(
            before.is_none_or(|before| before <= second),
            "{id} after {before:?}"
        );
    }
}
