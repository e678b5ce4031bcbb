//! The tables of the format before, and those of an application.

use crate::world::{DurableStore, EVENT, RunLog, Working, accepting, handle, inbox_file, quick, until_idle};
use apideck_hooks::store::{Acceptance, DeadLetter, InboxStore, Key};
use apideck_hooks::{Hooks, router};
use apideck_hooks_tests::inbox::migrations;
use apideck_hooks_tests::kit::{Deliver, event};
use std::sync::Arc;

/// Makes the tables those of the format 2.
const FORMAT_2: &str = "
    DROP TABLE pauses, progress;
    ALTER TABLE records DROP COLUMN occurred_at, DROP COLUMN idempotency_key, DROP COLUMN held_lane;
    DROP INDEX records_source_event_type_due_idx;
    DROP FUNCTION accept_v3, fetch_v3, claim_v3, finish_v3, done_v3, purge_v3;
    UPDATE format SET version = 2";

/// The tables of the release before the inbox get its columns, and keep their events.
#[tokio::test]
async fn tables_of_the_format_before_are_upgraded() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    event(EVENT, "bad").call(&hooks).await.assert_accepted();
    let workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    drop(workers);
    file.execute(FORMAT_2).await;

    let store: DurableStore = file.builder().build().unwrap();
    let kept = DeadLetter::new("tests", "body");
    let refused = store
        .accept(Acceptance::new(Key::from_bytes([1; 16]), kept))
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("the format 2") && refused.contains("PostgresStore::migrate"),
        "{refused}"
    );
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    let hooks = accepting(Hooks::builder(router![handle]), Arc::new(store), &log)
        .build()
        .unwrap();
    event(EVENT, "bad").call(&hooks).await.assert_duplicate();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!((log.count("bad"), log.count("good")), (1, 1));
    let letters = hooks.dead_letters().unwrap();
    assert_eq!(letters.count(&Default::default()).await.unwrap(), 1);
}

/// An application's migrations make tables in the same schema, before and after the inbox does.
#[tokio::test]
async fn inbox_11_the_tables_of_an_application_are_left_alone() {
    let file = inbox_file!();
    let log = RunLog::default();
    let migrate = async |n: i64| migrations(n).run(&file.other).await.unwrap();
    migrate(1).await;
    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, quick());
    event(EVENT, "one").call(&hooks).await.assert_accepted();
    migrate(2).await;
    file.store().await;
    event(EVENT, "two").call(&hooks).await.assert_accepted();
    until_idle(&hooks).await;
    assert_eq!(log.begun().len(), 2);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
    assert_eq!(file.number("SELECT count(*) FROM _sqlx_migrations").await, 2);
    assert_eq!(file.number(tables).await, 3 + 5);
}
