//! A handler with a transaction beside all other deliveries (Case 40).

use super::{number, open, other_program};
use apideck_hooks::testing::Answer;
use apideck_hooks::{
    Delivery, Hooks, HooksBuilder, Outcome, Rest, Routes, SqliteStore, State, Tx, on, router,
};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::probe::{Probe, Step, patient};
use apideck_hooks_tests::sqlite::open_with;
use apideck_hooks_tests::waiting::{GENEROUS, ends, until};
use sqlx::{Executor, Sqlite};
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinHandle;

const PLAIN: &str = "vault.connection.callable";
const IN_TRANSACTION: &str = "vault.connection.created";

/// The scripts of both handlers.
#[derive(Clone, Default)]
struct Probes {
    plain: Probe,
    in_transaction: Probe,
}

#[on("*")]
async fn plain(delivery: Delivery, State(probes): State<Probes>) -> Outcome {
    probes.plain.run(None, &delivery).await
}

#[on("vault.connection.created")]
async fn in_transaction(
    delivery: Delivery,
    State(probes): State<Probes>,
    mut tx: Tx<Sqlite>,
) -> sqlx::Result<Outcome> {
    let id = delivery.event_id().unwrap_or_default();
    sqlx::query("INSERT INTO effects VALUES (?1)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    if id == "loses its claim" {
        // As if another delivery had claimed the event.
        tx.execute("UPDATE apideck_hooks_records SET token = token + 1")
            .await?;
    }
    Ok(probes.in_transaction.run(None, &delivery).await)
}

fn hooks(probes: &Probes, store: SqliteStore) -> HooksBuilder<impl Routes<Probes>, Probes> {
    let hooks = Hooks::builder(router![plain, in_transaction]).secret(SECRET);
    patient(hooks.state(probes.clone()).store(store)).rest(Rest::None)
}

async fn with_effects(file: &Path) {
    let table = "CREATE TABLE effects (event TEXT NOT NULL)";
    other_program(file).await.execute(table).await.unwrap();
}

async fn effects(file: &Path) -> i64 {
    number(file, "SELECT count(*) FROM effects").await
}

fn call(hooks: &Hooks, event_type: &str, id: &str) -> JoinHandle<Answer> {
    let (hooks, delivery) = (hooks.clone(), event(event_type, id));
    tokio::spawn(async move { delivery.call(&hooks).await })
}

async fn word(reply: JoinHandle<Answer>) -> String {
    ends("a response", reply).await.unwrap().outcome()
}

fn gated(step: Step) -> Step {
    Step::Gate(Box::new(step))
}

/// A script for handlers with a transaction.
fn probes(steps: impl IntoIterator<Item = Step>) -> Probes {
    Probes {
        in_transaction: Probe::new(steps),
        ..Probes::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_40_settled_duplicates_are_answered_during_a_slow_transaction() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    with_effects(&file).await;
    let probes = probes([gated(Step::Succeed)]);
    let store = SqliteStore::builder(&file).tx_limit(GENEROUS / 2);
    let hooks = hooks(&probes, open_with(store).await).build().unwrap();
    assert_eq!(word(call(&hooks, PLAIN, "e1")).await, "handled");
    let slow = call(&hooks, IN_TRANSACTION, "slow");
    probes.in_transaction.started().await;
    let new = call(&hooks, PLAIN, "e2");
    for _ in 0..10 {
        assert_eq!(word(call(&hooks, PLAIN, "e1")).await, "duplicate");
    }
    // A new event waits for the end of the transaction.
    assert!(!new.is_finished() && !slow.is_finished());
    probes.in_transaction.open();
    assert_eq!(
        (word(slow).await, word(new).await),
        ("handled".to_owned(), "handled".to_owned())
    );
    assert_eq!(effects(&file).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_40_a_transaction_is_rolled_back_at_its_limit_and_claims_go_on() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    with_effects(&file).await;
    let probes = probes([gated(Step::Succeed), Step::Succeed]);
    let store = SqliteStore::builder(&file).tx_limit(Duration::from_millis(300));
    let hooks = hooks(&probes, open_with(store).await).build().unwrap();
    let slow = call(&hooks, IN_TRANSACTION, "slow");
    probes.in_transaction.started().await;
    // The gate stays closed, so only the limit ends the transaction.
    assert_eq!(word(call(&hooks, PLAIN, "e2")).await, "handled");
    assert_eq!(word(slow).await, "500");
    assert_eq!((effects(&file).await, hooks.stats().timeouts), (0, 1));
    assert_eq!(word(call(&hooks, IN_TRANSACTION, "slow")).await, "handled");
    assert_eq!(effects(&file).await, 1);
    let attempts: Vec<_> = probes
        .in_transaction
        .runs()
        .iter()
        .map(|run| run.attempt)
        .collect();
    assert_eq!(attempts, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_lost_meanwhile_has_no_effect() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    with_effects(&file).await;
    let probes = Probes::default();
    let hooks = hooks(&probes, open(&file).await)
        .duplicate_wait(Duration::ZERO)
        .build()
        .unwrap();
    let reply = ends("a response", call(&hooks, IN_TRANSACTION, "loses its claim"))
        .await
        .unwrap();
    assert_eq!(reply.code(), 503);
    assert_eq!((effects(&file).await, probes.in_transaction.count()), (0, 1));
    let done = "SELECT count(*) FROM apideck_hooks_records WHERE phase = 1";
    assert_eq!(number(&file, done).await, 0);
}

/// The file is replaced in the middle of a transaction.
#[cfg(unix)]
#[tokio::test]
async fn a_transaction_in_a_replaced_file_is_not_committed() {
    let directory = Directory::default();
    let (file, elsewhere) = (directory.file("hooks.db"), directory.file("elsewhere.db"));
    with_effects(&file).await;
    let (logs, _guard) = Log::capture();
    let probes = probes([gated(Step::Succeed)]);
    let store = SqliteStore::builder(&file).tx_limit(GENEROUS / 2);
    let hooks = hooks(&probes, open_with(store).await).build().unwrap();
    let slow = call(&hooks, IN_TRANSACTION, "e1");
    probes.in_transaction.started().await;
    std::fs::rename(&file, &elsewhere).unwrap();
    probes.in_transaction.open();
    // The end of the run cannot be recorded either, until the file is back.
    until("the commit is refused", async || {
        logs.count("deleted, moved or replaced") > 0
    })
    .await;
    std::fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(word(slow).await, "500");
    assert_eq!(effects(&file).await, 0);
    assert_eq!(word(call(&hooks, IN_TRANSACTION, "e1")).await, "handled");
    assert_eq!(effects(&file).await, 1);
}
