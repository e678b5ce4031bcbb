//! Backlogs, clocks and other tables in the file.

use apideck_hooks::Order;
use apideck_hooks_tests::inbox::{
    EVENT, InboxFile, RunLog, Working, migrations, of_entity, quick, stats, until_idle,
};
use apideck_hooks_tests::kit::{Deliver, event};
use apideck_hooks_tests::size::sized;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;

/// A backlog is drained by workers that begin later, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbox_09_a_backlog_of_many_lanes_is_drained() {
    const LANES: u32 = 100;
    let seconds = sized(10) as u32;
    let file = InboxFile::default();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for second in 0..seconds {
        let events: Vec<_> = (0..LANES)
            .map(|lane| {
                of_entity(
                    EVENT,
                    &format!("good-{lane}-{second}"),
                    &format!("l{lane}"),
                    second,
                )
            })
            .collect();
        for answer in join_all(events.iter().map(|event| event.call(&hooks))).await {
            answer.assert_accepted();
        }
    }
    assert_eq!(stats(&hooks).await.waiting, u64::from(LANES * seconds));
    let _workers = Working::begin(&hooks, quick().order(Order::PerEntity));
    until_idle(&hooks).await;
    for lane in 0..LANES {
        let prefix = format!("good-{lane}-");
        let ids = log.begun().into_iter().map(|(id, _)| id);
        let of_lane: Vec<_> = ids.filter(|id| id.starts_with(&prefix)).collect();
        let expected: Vec<_> = (0..seconds).map(|second| format!("{prefix}{second}")).collect();
        assert_eq!(of_lane, expected);
    }
    let bodies = "SELECT count(*) FROM apideck_hooks_records WHERE body IS NOT NULL OR lane IS NOT NULL";
    assert_eq!(file.number(bodies).await, 0);
}

/// An application's migrations make tables in the same file, before and after the inbox does.
#[tokio::test]
async fn inbox_11_the_tables_of_an_application_are_left_alone() {
    let file = InboxFile::default();
    let log = RunLog::default();
    let migrate = async |n: i64| {
        let mut connection = file.connect().await;
        migrations(n).run(&mut connection).await.unwrap();
        file.execute(&format!("PRAGMA user_version = {n}")).await;
    };
    migrate(1).await;
    let hooks = file.hooks(&log).await;
    let _workers = Working::begin(&hooks, quick());
    event(EVENT, "one").call(&hooks).await.assert_accepted();
    migrate(2).await;
    event(EVENT, "two").call(&hooks).await.assert_accepted();
    until_idle(&hooks).await;
    assert_eq!(log.begun().len(), 2);
    assert_eq!(file.number("SELECT count(*) FROM _sqlx_migrations").await, 2);
    let others = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE 'apideck%'";
    assert_eq!(file.number(others).await, 4);
    assert_eq!(
        file.number("SELECT user_version FROM pragma_user_version").await,
        2
    );
}

/// Shifts all times of the records by hours. A clock that is set back puts them ahead.
async fn shift(file: &InboxFile, hours: i64) {
    let by = hours * 3_600_000_000;
    file.execute(&format!(
        "UPDATE apideck_hooks_records SET due = due + {by}, rest_end = rest_end + {by}, lease_end = max(lease_end + {by}, 0),
        first_seen = first_seen + {by}, accepted_at = accepted_at + {by}, expires = expires + {by}
        WHERE due IS NOT NULL"
    ))
    .await;
}

#[tokio::test]
async fn inbox_12_a_clock_that_is_set_keeps_nobody_waiting() {
    let file = InboxFile::default();
    let log = RunLog::default();
    let hooks = file.hooks(&log).await;
    for id in ["flaky", "good"] {
        event(EVENT, id).call(&hooks).await.assert_accepted();
    }
    let workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    drop(workers);
    // An event whose retry is due in some milliseconds, when the clock is set back by ten hours.
    event(EVENT, "flaky-2").call(&hooks).await.assert_accepted();
    file.execute(
        "UPDATE apideck_hooks_records SET attempts = 1, rest_length = 1000,
        rest_end = unixepoch('subsec') * 1000000 + 1000, due = unixepoch('subsec') * 1000000 + 1000
        WHERE due IS NOT NULL",
    )
    .await;
    shift(&file, 10).await;
    let workers = Working::begin(&hooks, quick());
    until("it has run", async || log.count("flaky-2") == 1).await;
    until_idle(&hooks).await;
    drop(workers);
    // A clock that is ahead makes it due early, and nothing runs twice.
    event(EVENT, "good-2").call(&hooks).await.assert_accepted();
    shift(&file, -10).await;
    let _workers = Working::begin(&hooks, quick());
    until_idle(&hooks).await;
    assert_eq!(log.count("good-2"), 1);
}
