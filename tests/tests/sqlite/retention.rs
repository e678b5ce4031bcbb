//! The retention of records, and the sweeper.

use super::{LEASE, granted, key, other_program};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, DeadLetter, DeadLetterStore, End, Held, Status, Store, Token, Verdict};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::sqlite::{open, open_with, until_closed};
use apideck_hooks_tests::waiting::until;
use bytes::Bytes;
use futures_util::future::join_all;
use sqlx::Row;
use std::path::Path;
use std::time::Duration;

const TABLES: [&str; 3] = [
    "SELECT count(*) FROM apideck_hooks_records",
    "SELECT count(*) FROM apideck_hooks_aliases",
    "SELECT count(*) FROM apideck_hooks_dead_letters",
];

/// Counts the rows of the tables: records, aliases and dead letters.
async fn rows(file: &Path) -> [i64; 3] {
    let mut connection = other_program(file).await;
    let mut rows = [0; 3];
    for (count, query) in rows.iter_mut().zip(TABLES) {
        *count = sqlx::query(query)
            .fetch_one(&mut connection)
            .await
            .unwrap()
            .get(0);
    }
    rows
}

fn letter() -> DeadLetter {
    DeadLetter {
        source: String::new(),
        event_type: String::new(),
        event_id: String::new(),
        error: "no use".to_owned(),
        body: Some(Bytes::from_static(b"{}")),
    }
}

/// Longer than any part of a test. The store sweeps every six seconds then.
const RETENTION: Duration = Duration::from_secs(60);

/// Makes all records older.
async fn age(file: &Path, by: Duration) {
    let age = sqlx::query("UPDATE apideck_hooks_records SET at = at - ?1").bind(by.as_millis() as i64);
    age.execute(&mut other_program(file).await).await.unwrap();
}

#[tokio::test]
async fn case_24_the_retention_begins_with_the_last_change() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let store = open_with(SqliteStore::builder(&file).retention(minutes(60))).await;
    let (token, _) = granted(&store, key(1)).await;
    age(&file, minutes(50)).await;
    assert_eq!(store.finish(key(1), token, End::Done).await.unwrap(), Held::Yes);
    // More than a retention after the claim, but less than one after the finish.
    age(&file, minutes(50)).await;
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Done { token });
    age(&file, minutes(11)).await;
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Absent);
    // The attempts start again. The token grows, so that the earlier owner has lost.
    let (new, attempt) = granted(&store, key(1)).await;
    assert!(attempt == 1 && new > token, "{new:?} {attempt}");
}

#[tokio::test]
async fn case_24_the_sweeper_deletes_in_batches_and_never_a_running_record() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open_with(SqliteStore::builder(&file).retention(RETENTION)).await;
    let events = (0..1700).map(|n| {
        let store = &store;
        async move {
            let claim = Claim::new(key(n), Some(key(1_000_000 + n)), Duration::from_millis(1));
            let Verdict::Granted { token, .. } = store.claim(claim).await.unwrap().verdict else {
                panic!("it is new")
            };
            match n % 17 {
                // Left running with an expired lease.
                0 => return,
                1 => store.finish(key(n), token, End::Dead(letter())).await,
                2 => store.finish(key(n), token, End::Release).await,
                _ => store.finish(key(n), token, End::Done).await,
            }
            .unwrap();
        }
    });
    join_all(events).await;
    assert_eq!(rows(&file).await, [1700, 1700, 100]);
    age(&file, RETENTION).await;
    until("all but the running records are swept", async || {
        rows(&file).await == [100, 100, 0]
    })
    .await;
    let status = store.status(key(0)).await.unwrap();
    assert!(matches!(status, Status::Running { lease_left, .. } if lease_left.is_zero()));
}

/// An owner that stalled until its record was gone cannot settle the next record of the event.
#[tokio::test]
async fn a_forgotten_owner_has_lost_after_a_purge_and_after_a_sweep() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open_with(SqliteStore::builder(&file).retention(RETENTION)).await;
    for sweep in [false, true] {
        let event = key(u64::from(sweep));
        let stalled = store
            .claim(Claim::new(event, None, Duration::ZERO))
            .await
            .unwrap();
        let Verdict::Granted { token: stalled, .. } = stalled.verdict else {
            panic!("{stalled:?}")
        };
        let (token, _) = granted(&store, event).await;
        let held = store.finish(event, token, End::Dead(letter())).await;
        assert_eq!(held.unwrap(), Held::Yes);
        if sweep {
            age(&file, RETENTION).await;
            until("all records are swept", async || rows(&file).await == [0, 0, 0]).await;
        } else {
            assert!(store.purge(event).await.unwrap());
        }
        let (again, attempt) = granted(&store, event).await;
        assert!(again > token && attempt == 1, "{again:?} {attempt}");
        assert_eq!(store.finish(event, stalled, End::Done).await.unwrap(), Held::Lost);
        assert_eq!(store.renew(event, stalled, LEASE).await.unwrap(), Held::Lost);
        assert_eq!(store.finish(event, again, End::Done).await.unwrap(), Held::Yes);
    }
}

/// The sweeper and the writer end with the store.
#[tokio::test]
async fn a_dropped_store_closes_its_file() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    for n in 1..=20 {
        let store = open(&file).await;
        assert_eq!(granted(&store, key(1)).await, (Token(n), n as u32));
    }
    until_closed(&file).await;
}
