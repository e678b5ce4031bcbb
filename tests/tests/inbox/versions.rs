//! Files of an earlier version.

use crate::world::{EVENT, RunLog, Working, inbox_file, quick, until_idle};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::waiting::GENEROUS;

/// A file of the release before the inbox gets its columns, and keeps its events.
#[tokio::test]
async fn a_file_of_the_version_before_is_upgraded() {
    let file = inbox_file!();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    event(EVENT, "bad").call(&hooks).await.assert_accepted();
    let workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    hooks.shutdown(GENEROUS).await;
    workers.end().await;
    drop(hooks);
    file.execute(
        "DROP INDEX apideck_hooks_records_due; DROP INDEX apideck_hooks_records_lanes;
        DROP INDEX apideck_hooks_records_running; DROP TABLE apideck_hooks_pauses;
        ALTER TABLE apideck_hooks_records DROP COLUMN occurred_at;
        ALTER TABLE apideck_hooks_records DROP COLUMN idempotency_key;
        UPDATE apideck_hooks_meta SET value = 2 WHERE name = 'schema'",
    )
    .await;
    let hooks = file.hooks(&log).await;
    event(EVENT, "bad").call(&hooks).await.assert_duplicate();
    event(EVENT, "good").call(&hooks).await.assert_accepted();
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!(log.count("good"), 1);
}
