//! Receivers that are killed in the middle of a run, or cannot write.

use super::{EVENT, age, microseconds, number, open, other_program, refusal};
use apideck_hooks::store::{DeadLetterStore, LetterFilter};
use apideck_hooks::testing::Event;
use apideck_hooks_tests::child::Receiver;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use sqlx::Row;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const IN_TRANSACTION: &str = "vault.connection.created";

#[derive(Default)]
struct Files {
    directory: Directory,
}

impl Files {
    fn database(&self) -> PathBuf {
        self.directory.file("hooks.db")
    }

    fn effects(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.file("effects")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A receiver whose failed events do not rest.
    async fn receiver(&self) -> Receiver {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sqlite-receiver"));
        command.env("REST", "none");
        self.receiver_of(command).await
    }

    async fn receiver_of(&self, mut command: Command) -> Receiver {
        command
            .env("DATABASE", self.database())
            .env("EFFECTS", self.directory.file("effects"));
        Receiver::of(command).await
    }
}

async fn kill(receiver: Receiver) {
    receiver.signal("KILL").await;
    assert!(!receiver.wait().await.success());
}

/// Sends a delivery to a receiver that ends before its response.
async fn send_in_vain(receiver: &Receiver, delivery: &Event) -> JoinHandle<bool> {
    let (delivery, addr) = (delivery.clone(), receiver.addr);
    tokio::spawn(async move { delivery.try_send(addr).await.is_err() })
}

#[tokio::test]
async fn case_18_an_event_is_claimable_after_a_kill_and_its_rest() {
    let files = Files::default();
    let database = files.database();
    let mut last_token = 0;
    for (life, event_type) in (1..).zip([EVENT, IN_TRANSACTION, EVENT]) {
        let mut receiver = files
            .receiver_of(Command::new(env!("CARGO_BIN_EXE_sqlite-receiver")))
            .await;
        let delivery = event(event_type, &format!("stuck {event_type}"));
        // The lease is a day, so no event waits for its end.
        let lost = send_in_vain(&receiver, &delivery).await;
        let attempt = (life + 1) / 2;
        receiver
            .line(&format!("started stuck {event_type} {attempt}"))
            .await;
        let error = refusal(&database).await;
        assert!(error.contains("is open in process"), "{error}");
        kill(receiver).await;
        assert!(lost.await.unwrap());
        let token = number(&database, "SELECT max(token) FROM apideck_hooks_records").await;
        assert!(token > last_token);
        last_token = token;

        let receiver = files
            .receiver_of(Command::new(env!("CARGO_BIN_EXE_sqlite-receiver")))
            .await;
        let resting = delivery.send(receiver.addr).await;
        assert!(resting.code() == 503 && resting.retry_after().is_some());
        kill(receiver).await;
        age(&database, microseconds(Duration::from_secs(600))).await;
    }
    let attempts = "SELECT sum(attempts) FROM apideck_hooks_records";
    assert_eq!(number(&database, attempts).await, 3);
}

/// The claim commits before the handler runs, so each life of the process counts as an attempt.
#[tokio::test]
async fn case_18_a_handler_that_kills_its_process_ends_as_a_dead_letter() {
    let files = Files::default();
    for event_type in [EVENT, IN_TRANSACTION] {
        let delivery = event(event_type, &format!("fatal {event_type}"));
        for life in 1..=8 {
            let mut receiver = files.receiver().await;
            let lost = send_in_vain(&receiver, &delivery).await;
            receiver.line(&format!("started fatal {event_type} {life}")).await;
            assert!(!receiver.wait().await.success());
            assert!(lost.await.unwrap());
        }
        let receiver = files.receiver().await;
        for word in ["dead_lettered", "duplicate"] {
            assert_eq!(delivery.send(receiver.addr).await.outcome(), word);
        }
        kill(receiver).await;
    }
    let store = open(&files.database()).await;
    let letters = store.list("", &LetterFilter::new(), None, 10).await.unwrap();
    assert_eq!(
        letters.iter().map(|dead| dead.attempts).collect::<Vec<_>>(),
        [8, 8]
    );
}

/// Another process cannot take the file of a process that is stopped.
#[tokio::test]
async fn case_19_a_stopped_process_keeps_its_file_and_its_claims() {
    let files = Files::default();
    let mut receiver = files.receiver().await;
    let delivery = event(EVENT, "good");
    delivery.send(receiver.addr).await.assert_handled();
    let lost = send_in_vain(&receiver, &event(EVENT, "stuck")).await;
    receiver.line("started stuck 1").await;
    receiver.signal("STOP").await;
    let error = refusal(&files.database()).await;
    assert!(error.contains("is open in process"), "{error}");
    receiver.signal("CONT").await;
    delivery.send(receiver.addr).await.assert_duplicate();
    kill(receiver).await;
    assert!(lost.await.unwrap());
}

const EVENTS: usize = 1000;
const SENDERS: usize = 16;
const KILLS: usize = 20;

fn id(n: usize) -> String {
    let kind = match n % 10 {
        0 => "flaky",
        1 => "bad",
        _ => "good",
    };
    format!("{kind}-{n}")
}

/// Checks the invariants of a history of effects. Returns the attempts of each event in order.
fn check(effects: &[String], acknowledged: &HashSet<String>) -> HashMap<String, Vec<u32>> {
    let mut attempts: HashMap<String, Vec<u32>> = HashMap::new();
    let mut ended: HashMap<&str, usize> = HashMap::new();
    let mut open: HashSet<&str> = HashSet::new();
    for line in effects {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            // The runs of the killed process have ended.
            ["boot"] => open.clear(),
            ["start", id, attempt] => {
                assert!(
                    open.insert(id) || id.starts_with("bad") || id.starts_with("flaky"),
                    "{id} runs twice at once"
                );
                let attempts = attempts.entry(id.to_owned()).or_default();
                let attempt = attempt.parse().unwrap();
                // The attempt grows with the token.
                assert!(
                    attempts.last() < Some(&attempt),
                    "{id}: {attempts:?}, then {attempt}"
                );
                attempts.push(attempt);
            }
            ["end", id, _] => {
                assert!(open.remove(id), "{id} ends without a run");
                *ended.entry(id).or_default() += 1;
            }
            _ => panic!("{line}"),
        }
    }
    // No event is acknowledged without its effect.
    for id in acknowledged.iter().filter(|id| !id.starts_with("bad")) {
        assert!(
            ended.contains_key(id.as_str()),
            "{id} was acknowledged and has no effect"
        );
    }
    // An effect is repeated only after a kill between the effect and the finish.
    let repeated: usize = ended.values().map(|count| count - 1).sum();
    println!("{repeated} effects were repeated after {KILLS} kills");
    assert!(repeated <= KILLS * SENDERS, "{repeated}");
    attempts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_invariants_hold_through_twenty_kills_and_stops_under_load() {
    let files = Files::default();
    let mut receiver = files.receiver().await;
    let (addr, watched) = watch::channel(receiver.addr);
    let settled = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (watched, settled) = (watched.clone(), Arc::clone(&settled));
            tokio::spawn(async move {
                for n in (sender..EVENTS).step_by(SENDERS) {
                    send_until_acknowledged(&id(n), &watched).await;
                    settled.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for kills in 1..=KILLS {
        until("some more are settled", async || {
            settled.load(Ordering::SeqCst) >= EVENTS * kills / (KILLS + 1)
        })
        .await;
        receiver.signal("STOP").await;
        assert!(refusal(&files.database()).await.contains("is open in process"));
        receiver.signal("CONT").await;
        kill(receiver).await;
        receiver = files.receiver().await;
        addr.send_replace(receiver.addr);
    }
    for sender in join_all(senders).await {
        sender.unwrap();
    }
    let acknowledged: HashSet<String> = (0..EVENTS).map(id).collect();
    let effects = files.effects();
    let attempts = check(&effects, &acknowledged);
    assert_eq!(attempts.len(), EVENTS);

    // A settled event stays settled through another kill.
    kill(receiver).await;
    let receiver = files.receiver().await;
    for id in &acknowledged {
        let reply = event(EVENT, id).send(receiver.addr).await;
        assert_eq!(
            (reply.code(), reply.outcome().as_str()),
            (200, "duplicate"),
            "{id}"
        );
    }
    kill(receiver).await;
    let runs = |effects: &[String]| effects.iter().filter(|line| *line != "boot").count();
    assert_eq!(runs(&files.effects()), runs(&effects));

    // Every event is done or dead, and every dead one has a dead letter.
    let store = open(&files.database()).await;
    let dead_letters = store.list("", &LetterFilter::new(), None, 1000).await.unwrap();
    let letters = dead_letters.into_iter().map(|dead| dead.letter.event_id);
    let bad = acknowledged.into_iter().filter(|id| id.starts_with("bad"));
    assert_eq!(letters.collect::<HashSet<_>>(), bad.collect());
    let database = files.database();
    let settled = "SELECT count(*) FROM apideck_hooks_records WHERE phase = 1 AND body IS NULL";
    assert_eq!(number(&database, settled).await, EVENTS as i64 * 9 / 10);
    let dead = "SELECT count(*) FROM apideck_hooks_records WHERE phase = 3 AND body IS NOT NULL";
    assert_eq!(number(&database, dead).await, EVENTS as i64 / 10);
    let mut connection = other_program(&database).await;
    let check: String = sqlx::query("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap()
        .get(0);
    assert_eq!(check, "ok");
}

/// Retries as Apideck does, with shorter pauses.
async fn send_until_acknowledged(id: &str, addr: &watch::Receiver<SocketAddr>) {
    let delivery = event(EVENT, id);
    loop {
        let addr = *addr.borrow();
        match delivery.try_send(addr).await {
            Ok(reply) if reply.code() == 200 => return,
            Ok(reply) => assert!([500, 503].contains(&reply.code()), "{id}: {}", reply.code()),
            Err(_) => {}
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Limits the size of the files that a process writes. This comes nearest to a full disk without
/// special rights.
#[cfg(target_os = "linux")]
async fn limit_files(process: u32, limit: &str) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.to_string(), &format!("--fsize={limit}:")]);
    assert!(command.status().await.unwrap().success());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_event_runs_while_the_disk_is_full() {
    if Command::new("prlimit").arg("--version").output().await.is_err() {
        return apideck_hooks_tests::services::skip("prlimit");
    }
    let files = Files::default();
    // The program inherits the ignored signal, so that a write fails and does not kill it.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; exec \"$0\"",
        env!("CARGO_BIN_EXE_sqlite-receiver"),
    ]);
    let receiver = files.receiver_of(command).await;
    for round in 0..3 {
        let event = |n: usize| event(EVENT, &format!("good-{round}-{n}"));
        event(0).send(receiver.addr).await.assert_handled();
        let before = files.effects();
        limit_files(receiver.id(), "0").await;
        for n in 1..10 {
            let reply = event(n).send(receiver.addr).await;
            assert_eq!(reply.code(), 503);
            assert!(reply.retry_after().is_some());
        }
        event(0).send(receiver.addr).await.assert_duplicate();
        assert_eq!(files.effects(), before);
        limit_files(receiver.id(), "unlimited").await;
        for n in 0..10 {
            let word = if n == 0 { "duplicate" } else { "handled" };
            // The claims that failed are taken back, and an event is refused while its claim is.
            assert_eq!(event(n).send_patiently(receiver.addr).await.outcome(), word);
        }
    }
    let effects = files.effects();
    assert_eq!(effects.iter().filter(|line| line.starts_with("end")).count(), 30);
    kill(receiver).await;
}
