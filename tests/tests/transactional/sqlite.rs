//! Tests on SQLite alone, where all handlers share one connection: statements that a handler leaves
//! running, and a handler that keeps its transaction.

use super::EVENT;
use apideck_hooks::store::Store;
use apideck_hooks::testing::Answer;
use apideck_hooks::{Delivery, Hooks, Outcome, SqliteStore, State, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::sqlite::{open, open_with, until_unowned};
use apideck_hooks_tests::transactional::{World, file};
use apideck_hooks_tests::waiting::{GENEROUS, ends, until};
use futures_util::{FutureExt, TryStreamExt};
use sqlx::{Sqlite, SqliteConnection};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const ENDLESS: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT max(n) FROM n";
const ENDLESS_ROWS: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n";
/// A statement that writes a row now and then and never ends.
const ENDLESS_WRITE: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n)
    INSERT INTO effects (event, attempt) SELECT 'endless write', n FROM n WHERE n % 100000 = 1";
const ROWS_OF_A_WRITE: &str =
    "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
    INSERT INTO effects (event, attempt) SELECT 'half-read write', n FROM n RETURNING event";

#[derive(Clone)]
struct Keeper(mpsc::UnboundedSender<Tx<Sqlite>>);

async fn effect(connection: &mut SqliteConnection, id: &str) -> sqlx::Result<()> {
    let effect = sqlx::query("INSERT INTO effects (event, attempt) VALUES ($1, 1)").bind(id);
    effect.execute(connection).await?;
    Ok(())
}

/// A handler whose behaviour the event id selects.
#[on("*")]
async fn handler(
    delivery: Delivery,
    State(keeper): State<Keeper>,
    mut tx: Tx<Sqlite>,
) -> sqlx::Result<Outcome> {
    let id = delivery.event_id().unwrap_or_default().to_owned();
    effect(&mut tx, &id).await?;
    let mut end = Ok(Outcome::Done);
    match &*id {
        "endless" => {
            let _ = sqlx::query(ENDLESS).execute(&mut *tx).await?;
        }
        "endless script" => {
            let _ = sqlx::raw_sql(ENDLESS).execute(&mut *tx).await?;
        }
        "endless write" => {
            let _ = sqlx::query(ENDLESS_WRITE).execute(&mut *tx).await?;
        }
        "half-read" | "half-read write" => {
            let sql = if id == "half-read" {
                ENDLESS_ROWS
            } else {
                ROWS_OF_A_WRITE
            };
            let mut rows = sqlx::query(sql).fetch(&mut *tx);
            for _ in 0..3 {
                assert!(rows.try_next().await?.is_some());
            }
            pending::<()>().await;
        }
        // The statement is sent, and its future is dropped.
        "dropped" | "dropped, done" => {
            assert!(sqlx::query(ENDLESS).execute(&mut *tx).now_or_never().is_none());
            if id == "dropped" {
                end = Err(sqlx::Error::RowNotFound);
            }
        }
        "dropped write" => {
            assert!(
                sqlx::query(ENDLESS_WRITE)
                    .execute(&mut *tx)
                    .now_or_never()
                    .is_none()
            );
            // This effect must share the fate of the transaction.
            let _ = effect(&mut tx, &id).now_or_never();
            end = Err(sqlx::Error::RowNotFound);
        }
        "many dropped" => {
            for _ in 0..20 {
                let _ = sqlx::query("SELECT 1").fetch_one(&mut *tx).now_or_never();
                let _ = effect(&mut tx, &id).now_or_never();
            }
            pending::<()>().await;
        }
        "commit" => {
            let _ = sqlx::raw_sql("COMMIT").execute(&mut *tx).await;
        }
        "commit, then effect" => {
            let _ = sqlx::raw_sql("COMMIT").execute(&mut *tx).await;
            let _ = effect(&mut tx, &id).await;
        }
        "rollback, then effect" => {
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *tx).await;
            let _ = effect(&mut tx, &id).await;
        }
        "keep" => drop(keeper.0.send(tx)),
        _ => {}
    }
    end
}

/// Two receivers on one store, with a short and with a generous handler timeout.
struct Pair {
    impatient: Hooks,
    patient: Hooks,
    kept: mpsc::UnboundedReceiver<Tx<Sqlite>>,
}

/// A pair on a new store whose transactions have this limit.
async fn pair(world: &World, tx_limit: Duration) -> Pair {
    let World::Sqlite(directory) = world else {
        panic!("not a world of SQLite")
    };
    let (keeper, kept) = mpsc::unbounded_channel();
    let store = SqliteStore::builder(file(directory)).tx_limit(tx_limit);
    let store: Arc<dyn Store> = Arc::new(open_with(store).await);
    let hooks = |limit| {
        let hooks = Hooks::builder(router![handler]).secret(SECRET);
        let hooks = patient(
            hooks
                .store(Spy::over(store.clone()))
                .state(Keeper(keeper.clone())),
        );
        hooks.handler_timeout(limit).build().unwrap()
    };
    Pair {
        impatient: hooks(Duration::from_millis(300)),
        patient: hooks(GENEROUS),
        kept,
    }
}

fn call(hooks: &Hooks, id: &str) -> JoinHandle<Answer> {
    let (hooks, delivery) = (hooks.clone(), event(EVENT, id));
    tokio::spawn(async move { delivery.call(&hooks).await })
}

/// Checks that a delivery fails without an effect and that the next one is handled.
async fn fails_alone(world: &World, pair: &Pair, id: &str) {
    let done = world.done_records().await;
    for attempt in 1..=2 {
        let failed = ends("a response", call(&pair.impatient, id)).await;
        assert_eq!(failed.unwrap().code(), 500, "{id}");
        let counted = "SELECT coalesce(max(attempts), 0) FROM apideck_hooks_records WHERE phase = 2";
        assert_eq!(world.number(counted).await, attempt, "{id}");
        let after = format!("after {id} {attempt}");
        let next = ends("a response", call(&pair.patient, &after)).await;
        next.unwrap().assert_handled();
        assert_eq!(
            (world.effects(id).await, world.effects(&after).await),
            (0, 1),
            "{id}"
        );
    }
    assert_eq!(world.done_records().await, done + 2, "{id}");
    world
        .execute("DELETE FROM apideck_hooks_records WHERE phase = 2")
        .await;
}

/// All handlers run on one store, so that each finds the connection that the one before left.
#[tokio::test(flavor = "multi_thread")]
async fn statements_that_a_handler_leaves_running_are_interrupted() {
    let Some(world) = World::sqlite().await else {
        return;
    };
    let pair = pair(&world, Duration::from_secs(5)).await;
    for id in [
        "endless",
        "endless script",
        "endless write",
        "half-read",
        "half-read write",
        "dropped",
        "dropped write",
        "dropped, done",
        "many dropped",
    ] {
        fails_alone(&world, &pair, id).await;
    }
    for hooks in [&pair.impatient, &pair.patient] {
        let stats = hooks.stats();
        assert_eq!((stats.store_errors, stats.unrecorded), (0, 0));
    }
}

/// Only the store commits.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_cannot_commit() {
    let Some(world) = World::sqlite().await else {
        return;
    };
    let pair = pair(&world, GENEROUS / 2).await;
    for id in ["commit", "commit, then effect", "rollback, then effect"] {
        fails_alone(&world, &pair, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_an_endless_statement() {
    let Some(world) = World::sqlite().await else {
        return;
    };
    let first = pair(&world, GENEROUS / 2).await;
    let running = call(&first.patient, "endless");
    // The transaction of the handler blocks other programs.
    let other = "BEGIN IMMEDIATE; ROLLBACK";
    until("the handler runs", async || !world.try_execute(other).await).await;
    let drained = ends("a shutdown", first.patient.shutdown(Duration::ZERO)).await;
    assert_eq!(drained.stopped, 1);
    assert_eq!(running.await.unwrap().code(), 503);
    drop(first);
    let second = pair(&world, GENEROUS / 2).await;
    call(&second.patient, "after").await.unwrap().assert_handled();
    assert_eq!(
        (world.effects("endless").await, world.done_records().await),
        (0, 1)
    );
}

/// A kept transaction cannot be taken away. Meanwhile deliveries are refused, and then the store
/// works again.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_refused_at_once_while_a_handler_keeps_its_transaction() {
    let Some(world) = World::sqlite().await else {
        return;
    };
    let mut pair = pair(&world, GENEROUS / 2).await;
    call(&pair.patient, "before").await.unwrap().assert_handled();
    let keeping = call(&pair.impatient, "keep");
    let mut tx = pair.kept.recv().await.expect("a transaction");
    // Each is refused at once. With a wait for each, this would take hours.
    let since = Instant::now();
    for n in 0..200 {
        let reply = call(&pair.patient, &format!("e{n}")).await.unwrap();
        assert_eq!(reply.code(), 503);
        assert!(reply.retry_after().is_some());
    }
    assert!(since.elapsed() < GENEROUS, "{:?}", since.elapsed());
    // The kept transaction is of no use any more.
    let ended = sqlx::query(ENDLESS).execute(&mut *tx);
    assert!(ends("a statement", ended).await.is_err());
    let _ = effect(&mut tx, "keep").await;
    assert!(sqlx::raw_sql("COMMIT").execute(&mut *tx).await.is_err());
    // Its failure is recorded as soon as something can be written.
    assert!(!keeping.is_finished());
    drop(tx);
    assert_eq!(ends("a response", keeping).await.unwrap().code(), 500);
    let reply = call(&pair.patient, "e0").await.unwrap();
    reply.assert_handled();
    assert_eq!((world.effects("keep").await, world.done_records().await), (0, 2));
}

/// Nobody is left who could use the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_ends_though_a_handler_keeps_its_transaction() {
    let Some(world) = World::sqlite().await else {
        return;
    };
    let World::Sqlite(directory) = &world else {
        return;
    };
    let store = open(&file(directory)).await;
    let (keeper, mut kept) = mpsc::unbounded_channel();
    let hooks = Hooks::builder(router![handler]).secret(SECRET).store(store);
    // A run whose end cannot be recorded gives up before its lease ends.
    let hooks = patient(hooks.state(Keeper(keeper))).lease(Duration::from_secs(10));
    let hooks = hooks.build().unwrap();
    let keeping = call(&hooks, "keep");
    let tx = kept.recv().await.expect("a transaction");
    assert_eq!(ends("a response", keeping).await.unwrap().code(), 500);
    assert_eq!(hooks.stats().unrecorded, 1);
    drop(hooks);
    until_unowned(&file(directory)).await;
    drop(tx);
    let second = pair(&world, GENEROUS / 2).await;
    call(&second.patient, "after").await.unwrap().assert_handled();
}
