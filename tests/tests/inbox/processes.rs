//! Receivers with workers that are killed, stopped and ended.

use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::inbox::{EVENT, InboxFile, lives_until_dead, of_entity, send_until_accepted};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::size::sized;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::sleep;

const LEAD: &str = "crm.lead.created";

#[derive(Default)]
struct Files {
    file: InboxFile,
}

impl Files {
    async fn new() -> Self {
        let files = Files::default();
        files
            .file
            .execute("CREATE TABLE effects (event TEXT NOT NULL)")
            .await;
        files
    }

    fn effects_path(&self) -> PathBuf {
        self.file.path().with_file_name("effects")
    }

    async fn receiver(&self) -> Receiver {
        self.receiver_with(&[]).await
    }

    async fn receiver_with(&self, variables: &[(&str, &str)]) -> Receiver {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inbox-receiver"));
        command
            .env("DATABASE", self.file.path())
            .env("EFFECTS", self.effects_path())
            .envs(variables.iter().copied());
        Receiver::of(command).await
    }

    /// Waits until nothing waits or runs.
    async fn until_idle(&self) {
        let left = "SELECT count(*) FROM apideck_hooks_records WHERE due IS NOT NULL";
        until("the inbox is empty", async || self.file.number(left).await == 0).await;
    }

    /// The effects of handlers without a transaction.
    fn effects(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.effects_path()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

async fn kill(receiver: Receiver) {
    receiver.signal("KILL").await;
    assert!(!receiver.wait().await.success());
}

/// Each `200` has a row, whenever the process is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_01_every_accepted_event_has_a_row_after_a_kill() {
    const ROUNDS: usize = 20;
    let files = Files::new().await;
    let mut accepted = Vec::new();
    for round in 0..ROUNDS {
        let receiver = files.receiver_with(&[("WORKERS", "0")]).await;
        let addr = receiver.addr;
        let count = Arc::new(AtomicUsize::new(0));
        let senders = (0..8).map(|sender| {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for n in 0.. {
                    let id = format!("good-{round}-{sender}-{n}");
                    match event(EVENT, &id).try_send(addr).await {
                        Ok(answer) => {
                            answer.assert_accepted();
                            ids.push(id);
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(_) => break,
                    }
                }
                ids
            })
        });
        let senders: Vec<_> = senders.collect();
        until("some are accepted", async || {
            count.load(Ordering::SeqCst) > round * 2
        })
        .await;
        kill(receiver).await;
        for ids in join_all(senders).await {
            accepted.extend(ids.unwrap());
        }
    }
    let receiver = files.receiver_with(&[("WORKERS", "0")]).await;
    let rows = "SELECT count(*) FROM apideck_hooks_records WHERE due IS NOT NULL AND body IS NOT NULL";
    // One more of each sender can have been accepted without an answer.
    let rows = files.file.number(rows).await as usize;
    assert!(
        rows >= accepted.len() && rows <= accepted.len() + 8 * ROUNDS,
        "{rows} of {}",
        accepted.len()
    );
    for chunk in accepted.chunks(64) {
        for answer in join_all(chunk.iter().map(|id| event(EVENT, id).send(receiver.addr))).await {
            answer.assert_accepted();
        }
    }
    assert_eq!(
        files
            .file
            .number("SELECT count(*) FROM apideck_hooks_records")
            .await as usize,
        rows
    );
}

/// A process that is stopped for longer than its leases loses its claims to nobody, because it owns
/// its file. It goes on when it is continued.
#[tokio::test]
async fn inbox_03_a_process_that_was_stopped_beyond_its_leases_goes_on() {
    let files = Files::new().await;
    let mut receiver = files.receiver_with(&[("LEASE_MS", "1000")]).await;
    event(LEAD, "stuck").send(receiver.addr).await.assert_accepted();
    receiver.line("started stuck 1").await;
    receiver.signal("STOP").await;
    let over = "SELECT count(*) FROM apideck_hooks_records WHERE phase = 0
        AND lease_end < unixepoch('subsec') * 1000000";
    until("its lease is over", async || files.file.number(over).await == 1).await;
    receiver.signal("CONT").await;
    // Its lane is blocked by nothing but the run itself, and other lanes go on.
    of_entity(LEAD, "good", "other", 1)
        .send(receiver.addr)
        .await
        .assert_accepted();
    until("the other lane goes on", async || files.effects() == ["good"]).await;
    kill(receiver).await;
}

#[tokio::test]
async fn inbox_07_a_handler_that_kills_its_process_ends_as_a_dead_letter() {
    let files = Files::new().await;
    let first = files.receiver_with(&[("WORKERS", "0")]).await;
    for name in [EVENT, LEAD] {
        of_entity(name, &format!("fatal {name}"), name, 1)
            .send(first.addr)
            .await
            .assert_accepted();
    }
    kill(first).await;
    let dead = "SELECT count(*) FROM apideck_hooks_records WHERE dead_at IS NOT NULL";
    let lines = lives_until_dead(
        13,
        async || files.receiver().await,
        async || files.file.number(dead).await == 2,
    )
    .await;
    for name in [EVENT, LEAD] {
        let started = format!("started fatal {name} ");
        let runs = lines.iter().filter(|line| line.starts_with(&started)).count();
        assert!((1..=6).contains(&runs), "{lines:?}");
    }
    // A claim counts too if its process ended before the run could begin.
    assert!(
        files
            .file
            .number("SELECT min(attempts) FROM apideck_hooks_records")
            .await
            >= 6
    );
    assert_eq!(files.file.number("SELECT count(*) FROM effects").await, 0);
    assert!(files.effects().is_empty());
}

#[tokio::test]
async fn inbox_13_a_signal_ends_the_workers_and_gives_back_what_has_not_begun() {
    let files = Files::new().await;
    let first = files.receiver_with(&[("WORKERS", "0")]).await;
    let events: Vec<_> = (0..200)
        .map(|n| of_entity(LEAD, &format!("good-{n}"), &format!("e{n}"), 1))
        .collect();
    for answer in join_all(events.iter().map(|event| event.send(first.addr))).await {
        answer.assert_accepted();
    }
    kill(first).await;
    let mut receiver = files.receiver().await;
    receiver.line("started").await;
    receiver.signal("TERM").await;
    assert!(receiver.last_lines().await.iter().any(|line| line == "ended"));
    assert!(receiver.wait().await.success());
    let running = "SELECT count(*) FROM apideck_hooks_records WHERE phase = 0";
    assert_eq!(files.file.number(running).await, 0);
    let attempts = "SELECT coalesce(sum(attempts), 0) FROM apideck_hooks_records WHERE due IS NOT NULL";
    assert_eq!(files.file.number(attempts).await, 0);
    let receiver = files.receiver().await;
    files.until_idle().await;
    kill(receiver).await;
    let effects = files.effects();
    assert_eq!(
        (effects.len(), effects.into_iter().collect::<HashSet<_>>().len()),
        (200, 200)
    );
}

const SENDERS: usize = 8;

fn chaos_event(n: usize) -> apideck_hooks::testing::Event {
    let kind = match n % 20 {
        0 => "bad",
        1 | 2 => "flaky",
        _ => "good",
    };
    let name = if n.is_multiple_of(2) { EVENT } else { LEAD };
    of_entity(
        name,
        &format!("{kind}-{n}"),
        &format!("lane{}", n % 30),
        n as u32 / 30,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_20_kills_and_stops_under_load_lose_and_repeat_nothing() {
    let (events, kills) = (sized(600), sized(12));
    let files = Files::new().await;
    let mut receiver = files.receiver().await;
    let (addr, watched) = watch::channel(receiver.addr);
    let settled = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (watched, settled) = (watched.clone(), Arc::clone(&settled));
            tokio::spawn(async move {
                for n in (sender..events).step_by(SENDERS) {
                    send_until_accepted(&chaos_event(n), &watched).await;
                    settled.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for kill_of in 1..=kills {
        until("some more are settled", async || {
            settled.load(Ordering::SeqCst) >= events * kill_of / (kills + 1)
        })
        .await;
        receiver.signal("STOP").await;
        sleep(Duration::from_millis(5)).await;
        receiver.signal("CONT").await;
        kill(receiver).await;
        receiver = files.receiver().await;
        addr.send_replace(receiver.addr);
    }
    for sender in senders {
        sender.await.unwrap();
    }
    files.until_idle().await;
    kill(receiver).await;

    // Accepted = done + dead.
    let count = async |condition: &str| {
        let sql = format!("SELECT count(*) FROM apideck_hooks_records WHERE {condition}");
        files.file.number(&sql).await as usize
    };
    assert_eq!(count("dead_at IS NOT NULL AND phase = 3").await, events / 20);
    assert_eq!(count("phase = 1 AND body IS NULL").await, events - events / 20);
    // In transactions each effect is there once, and without it at least once.
    let effects = files.file.number("SELECT count(*) FROM effects").await as usize;
    let distinct = files
        .file
        .number("SELECT count(DISTINCT event) FROM effects")
        .await as usize;
    assert_eq!(
        (effects, distinct),
        (events / 2 - events / 20, events / 2 - events / 20)
    );
    let plain = files.effects();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for id in &plain {
        *counts.entry(id).or_default() += 1;
    }
    assert_eq!(counts.len(), events / 2);
    let repeated = plain.len() - counts.len();
    assert!(repeated <= kills * 16, "{repeated}");
}
