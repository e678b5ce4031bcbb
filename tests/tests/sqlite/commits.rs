//! Commits of an event, counted in the write-ahead log.

use super::{claim_with_alias, dead, end, grant, granted, handle, key, letter, open, other_program};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{End, RecordState, Store};
use apideck_hooks_tests::directory::Directory;
use futures_util::future::join_all;
use sqlx::Executor;
use std::path::Path;

/// Counts the commits in the log of a database.
fn commits(file: &Path) -> usize {
    let log = std::fs::read(file.with_extension("db-wal")).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let (page, salts) = (number(8), &log[16..24]);
    // A frame has a header of 24 bytes and a page. In the last frame of a transaction the second
    // number of the header is not zero. The salts tell the frames from those of an earlier log.
    let frames = (32..log.len()).step_by(24 + page);
    let written = frames.take_while(|frame| log[frame + 8..frame + 16] == *salts);
    written.filter(|frame| number(frame + 4) > 0).count()
}

async fn run(store: &SqliteStore, n: u64) {
    let (run, _) = grant(store, claim_with_alias(n)).await;
    end(store, run, End::Done).await;
}

#[tokio::test]
async fn an_event_costs_two_commits_and_many_at_once_share_theirs() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    run(&store, 0).await;
    let before = commits(&file);
    for n in 1..=10 {
        run(&store, n).await;
    }
    let one_by_one = commits(&file) - before;
    assert_eq!(one_by_one, 20);
    // A duplicate costs none.
    assert!(store.claim(claim_with_alias(1)).await.is_ok());
    join_all((11..=74).map(|n| run(&store, n))).await;
    let together = commits(&file) - before - one_by_one;
    assert!((2..=64).contains(&together), "{together} commits of 64 events");
}

/// One operation of a batch fails, and the others are done.
#[tokio::test]
async fn an_operation_that_fails_does_not_undo_the_others_of_its_batch() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    other_program(&file)
        .await
        .execute(
            "CREATE TRIGGER no_letter BEFORE UPDATE ON apideck_hooks_records WHEN NEW.event_id = 'e3'
            BEGIN SELECT RAISE(ABORT, 'no letter'); END",
        )
        .await
        .unwrap();
    let mut runs = Vec::new();
    for n in 0..8 {
        runs.push(granted(&store, key(n)).await.0);
    }
    // On one thread, all are queued before the writer runs.
    let ends = join_all((0..).zip(runs).map(|(n, run)| {
        let letter = letter(&format!("e{n}"));
        store.finish(run, if n % 2 == 1 { dead(letter) } else { End::Done })
    }));
    let ends = ends.await;
    for (n, end) in (0..).zip(ends) {
        let state = store.status(key(n)).await.unwrap().state;
        if n == 3 {
            let error = end.expect_err("a trigger").to_string();
            assert!(error.contains("no letter"), "{error}");
            assert!(matches!(state, RecordState::Running { .. }), "{state:?}");
        } else {
            end.unwrap();
            assert_eq!(
                state,
                if n % 2 == 1 {
                    RecordState::Dead
                } else {
                    RecordState::Done
                }
            );
        }
    }
    handle(&store, key(100)).await;
}
