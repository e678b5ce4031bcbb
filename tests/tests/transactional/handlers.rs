//! Correct and wrong uses of the transaction by handlers.

use super::EVENT;
use apideck_hooks::store::Store;
use apideck_hooks::{Delivery, Hooks, Outcome, Rest, Tx, on, router};
use apideck_hooks_tests::SECRET;
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::patient;
use apideck_hooks_tests::spy::Spy;
use apideck_hooks_tests::transactional::World;
use apideck_hooks_tests::waiting::{GENEROUS, until};
use sqlx::{Connection, Postgres, Sqlite};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// Defines a handler for a database, because handlers cannot be generic. The event id selects its
/// behaviour.
macro_rules! handler {
    ($name:ident, $database:ty, $kept:ident, $slow:literal) => {
        static $kept: Mutex<Option<Tx<$database>>> = Mutex::const_new(None);

        #[on("*")]
        async fn $name(delivery: Delivery, mut tx: Tx<$database>) -> sqlx::Result<Outcome> {
            let id = delivery.event_id().unwrap_or_default();
            let effect = || sqlx::query("INSERT INTO effects (event, attempt) VALUES ($1, 1)").bind(id);
            effect().execute(&mut *tx).await?;
            match id {
                "savepoint" => {
                    let mut inner = tx.begin().await?;
                    effect().execute(&mut *inner).await?;
                    inner.rollback().await?;
                    let mut inner = tx.begin().await?;
                    effect().execute(&mut *inner).await?;
                    inner.commit().await?;
                    let mut inner = tx.begin().await?;
                    effect().execute(&mut *inner).await?;
                    drop(inner);
                }
                "forgotten savepoint" => std::mem::forget(tx.begin().await?),
                "rollback" => {
                    let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *tx).await?;
                }
                "swallow" => {
                    let _ = sqlx::raw_sql("SELECT nonsense").execute(&mut *tx).await;
                }
                "keep" => *$kept.lock().await = Some(tx),
                "slow" => {
                    let _ = sqlx::raw_sql($slow).execute(&mut *tx).await?;
                }
                _ => {}
            }
            Ok(Outcome::Done)
        }
    };
}

handler!(in_postgres, Postgres, POSTGRES_KEPT, "SELECT pg_sleep(3600)");
handler!(
    in_sqlite,
    Sqlite,
    SQLITE_KEPT,
    "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000000) SELECT max(n) FROM n"
);

/// A receiver on a store, with a handler timeout.
fn hooks(world: &World, store: Arc<dyn Store>, limit: Duration) -> Hooks {
    let store = Spy::over(store);
    let hooks = match world {
        World::Postgres(_) => {
            let hooks = Hooks::builder(router![in_postgres])
                .secret(SECRET)
                .source("test")
                .store(store);
            patient(hooks).rest(Rest::None).handler_timeout(limit).build()
        }
        World::Sqlite(_) => {
            let hooks = Hooks::builder(router![in_sqlite])
                .secret(SECRET)
                .source("test")
                .store(store);
            patient(hooks).rest(Rest::None).handler_timeout(limit).build()
        }
    };
    hooks.unwrap()
}

async fn patient_hooks(world: &World) -> Hooks {
    hooks(world, world.store(4).await, GENEROUS)
}

async fn is_a_failure(world: &World, hooks: &Hooks, id: &str) {
    let (effects, done) = (world.effects(id).await, world.done_records().await);
    let reply = event(EVENT, id).call(hooks).await;
    assert_eq!(reply.code(), 500, "{id}");
    assert_eq!(
        (world.effects(id).await, world.done_records().await),
        (effects, done),
        "{id}"
    );
    // The next event is handled.
    let other = format!("after {id}");
    event(EVENT, &other).call(hooks).await.assert_handled();
    assert_eq!(world.effects(&other).await, 1);
}

async fn savepoints_and_mistakes(world: &World) {
    let hooks = patient_hooks(world).await;
    event(EVENT, "savepoint").call(&hooks).await.assert_handled();
    assert_eq!(
        (world.effects("savepoint").await, world.done_records().await),
        (2, 1)
    );
    is_a_failure(world, &hooks, "rollback").await;
    is_a_failure(world, &hooks, "forgotten savepoint").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_work_and_mistakes_fail_on_postgres() {
    let Some(world) = World::postgres().await else {
        return;
    };
    savepoints_and_mistakes(&world).await;
    let hooks = patient_hooks(&world).await;
    is_a_failure(&world, &hooks, "swallow").await;
    is_a_failure(&world, &hooks, "keep").await;
    // The drop of the kept transaction has no effect.
    drop(POSTGRES_KEPT.lock().await.take());
    assert_eq!(world.effects("keep").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_work_and_mistakes_fail_on_sqlite() {
    let Some(world) = World::sqlite().await else {
        return;
    };
    savepoints_and_mistakes(&world).await;
}

/// After the timeout the record is released at once, and the attempt is counted.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeout_of_a_handler_cancels_its_statement() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let hooks = hooks(&world, world.store(4).await, Duration::from_millis(700));
    let since = Instant::now();
    for attempt in 1..=2 {
        event(EVENT, "slow").call(&hooks).await.assert_status(500);
        assert_eq!((world.effects("slow").await, world.attempt().await), (0, attempt));
    }
    // Each statement takes an hour.
    assert!(since.elapsed() < GENEROUS, "{:?}", since.elapsed());
    assert_eq!(hooks.stats().timeouts, 2);
    let busy =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_schema() AND state <> 'idle'
        AND pid <> pg_backend_pid()";
    until("no statement runs", async || world.number(busy).await == 0).await;
}

/// Leaves a statement behind that sqlx does not wait for.
#[on("*")]
async fn copying(mut tx: Tx<Postgres>) -> sqlx::Result<()> {
    let mut copy = tx.copy_in_raw("COPY effects (event, attempt) FROM STDIN").await?;
    copy.send(&b"copy\t1\n"[..]).await?;
    let _ = timeout(Duration::ZERO, copy.finish()).await;
    Ok(())
}

/// The answer to the handler's statement is not taken for that to the commit, which is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_another_statement_is_no_commit() {
    let Some(world) = World::postgres().await else {
        return;
    };
    world
        .execute(
            "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$;
            CREATE TRIGGER pause BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION pause();
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'refused'; END $$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON effects
            INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let hooks = patient(Hooks::builder(router![copying]).secret(SECRET)).source("test");
    let hooks = hooks.store(world.store(4).await).build().unwrap();
    event(EVENT, "copy").call(&hooks).await.assert_status(503);
    assert_eq!((world.effects("copy").await, world.done_records().await), (0, 0));
}
