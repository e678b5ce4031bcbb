//! Changes of the clock. The store reads the wall clock only when it opens the file (Case 23).

use super::{LEASE, granted, key, open, other_program};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, End, Held, Status, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::sqlite::open_with;
use sqlx::Executor;
use std::path::Path;
use std::time::Duration;

/// A change of the wall clock has no effect on code that does not read it.
#[test]
fn case_23_the_wall_clock_is_read_only_when_the_file_is_opened() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/store/sqlite");
    let (mut files, mut readers) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        files += 1;
        for clock in [
            "SystemTime::now",
            "Timestamp::now",
            "CURRENT_TIMESTAMP",
            "datetime(",
            "unixepoch",
        ] {
            readers.extend(text.matches(clock).map(|_| path.file_name().unwrap().to_owned()));
        }
    }
    assert!(files > 8, "{files}");
    assert_eq!(readers, ["clock.rs"], "once, in `Clock::new`");
}

/// A change of the clock by an hour while the file is closed makes its records an hour older or
/// younger.
#[tokio::test]
async fn case_23_a_clock_change_between_two_openings_grants_no_claim_twice() {
    const HOUR: i64 = 3_600_000;
    for set in [HOUR, -HOUR] {
        let directory = Directory::default();
        let file = directory.file("hooks.db");
        let (done, released, running) = (key(1), key(2), key(3));
        {
            let store = open(&file).await;
            let (token, _) = granted(&store, done).await;
            assert_eq!(store.finish(done, token, End::Done).await.unwrap(), Held::Yes);
            let (token, _) = granted(&store, released).await;
            assert_eq!(
                store.finish(released, token, End::Release).await.unwrap(),
                Held::Yes
            );
            granted(&store, running).await;
        }
        // Older records are the same as a clock that is ahead.
        let mut other = other_program(&file).await;
        let older = sqlx::query("UPDATE apideck_hooks_records SET at = at - ?1").bind(set);
        assert_eq!(other.execute(older).await.unwrap().rows_affected(), 3);
        drop(other);
        let store = open(&file).await;
        // No record is lost and no event is stuck: a running one is claimable at once, whatever its
        // lease.
        assert!(
            matches!(store.status(done).await.unwrap(), Status::Done { .. }),
            "{set}"
        );
        assert_eq!(granted(&store, released).await.1, 2, "{set}");
        let (token, attempt) = granted(&store, running).await;
        assert_eq!(attempt, 2, "{set}");
        let busy = store.claim(Claim::new(running, None, LEASE)).await.unwrap();
        let Verdict::Running { lease_left } = busy.verdict else {
            panic!("{busy:?}")
        };
        assert!(lease_left <= LEASE && lease_left > LEASE / 2, "{lease_left:?}");
        assert_eq!(store.finish(running, token, End::Done).await.unwrap(), Held::Yes);
    }
}

/// A clock that is an hour ahead shortens a retention by an hour.
#[tokio::test]
async fn case_23_a_clock_change_moves_the_end_of_a_retention_by_as_much() {
    const HOUR: i64 = 3_600_000;
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let kept = |retention| {
        let builder = SqliteStore::builder(&file).retention(retention);
        async { open_with(builder).await.status(key(1)).await.unwrap() != Status::Absent }
    };
    {
        let store = open(&file).await;
        let (token, _) = granted(&store, key(1)).await;
        assert_eq!(store.finish(key(1), token, End::Done).await.unwrap(), Held::Yes);
    }
    let mut other = other_program(&file).await;
    let older = sqlx::query("UPDATE apideck_hooks_records SET at = at - ?1").bind(HOUR);
    other.execute(older).await.unwrap();
    drop(other);
    assert!(kept(hours(2)).await);
    assert!(!kept(Duration::from_secs(60)).await);
}
