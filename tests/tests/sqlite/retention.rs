//! The retention of records, and the sweeper (Case 24).

use super::{
    ALIASES, LEASE, RECORDS, RELEASE, age, claim_with_alias, dead, end, grant, granted, handle, key, letter,
    microseconds, number,
};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{DeadLetterStore, End, Held, Losses, Purged, RecordState, Status, Store};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::log::Log;
use apideck_hooks_tests::sqlite::open_with;
use apideck_hooks_tests::waiting::until;
use futures_util::future::join_all;
use std::path::Path;
use std::time::Duration;

const MINUTE: i64 = microseconds(Duration::from_secs(60));

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// A store that sweeps every six seconds.
async fn with_a_minute(file: &Path) -> SqliteStore {
    open_with(SqliteStore::builder(file).retention(minutes(1))).await
}

#[tokio::test]
async fn case_24_the_retention_begins_with_the_last_change() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open_with(SqliteStore::builder(&file).retention(minutes(60))).await;
    let (run, _) = granted(&store, key(1)).await;
    age(&file, 50 * MINUTE).await;
    end(&store, run, End::Done).await;
    // More than a retention after the claim, but less than one after the finish.
    age(&file, 50 * MINUTE).await;
    assert_eq!(store.status(key(1)).await.unwrap().state, RecordState::Done);
    age(&file, 11 * MINUTE).await;
    assert_eq!(store.status(key(1)).await.unwrap(), Status::ABSENT);
    // The attempts start again. The token grows, so the earlier owner has lost.
    let (new, attempt) = granted(&store, key(1)).await;
    assert!(attempt == 1 && new.token > run.token, "{new:?} {attempt}");
    assert_eq!(store.finish(run, End::Done).await.unwrap(), Held::Lost);
}

#[tokio::test]
async fn case_24_the_sweeper_deletes_in_batches_and_never_a_letter_or_a_live_run() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let (logs, _guard) = Log::capture();
    let store = with_a_minute(&file).await;
    let events = (0..1700).map(|n| {
        let store = &store;
        async move {
            let (run, _) = grant(store, claim_with_alias(n)).await;
            match n % 17 {
                // Left running.
                0 => {}
                1 => end(store, run, dead(letter("e"))).await,
                2 => end(store, run, RELEASE).await,
                _ => end(store, run, End::Done).await,
            }
        }
    });
    join_all(events).await;
    age(&file, 30 * MINUTE).await;
    // A renewed run is alive.
    let alive = claim_with_alias(2000);
    let (alive, _) = grant(&store, alive).await;
    until("the records without a letter are swept", async || {
        number(&file, RECORDS).await == 101
    })
    .await;
    until("the expired aliases are swept", async || {
        number(&file, ALIASES).await == 1
    })
    .await;
    assert_eq!(store.status(key(0)).await.unwrap(), Status::ABSENT);
    assert!(logs.count("deleted the records of runs that had no end") > 0);
    assert_eq!(store.losses(), Losses::new(0, 100));
    assert_eq!(store.count("", &Default::default()).await.unwrap(), 100);
    assert_eq!(store.status(key(1)).await.unwrap().state, RecordState::Dead);
    end(&store, alive, End::Done).await;
    // A purge ends the letter's life, and a retention later its record is swept.
    assert_eq!(store.purge("", key(1)).await.unwrap(), Purged::Yes);
    assert_eq!(store.status(key(1)).await.unwrap().state, RecordState::Done);
    age(&file, 30 * MINUTE).await;
    until("the purged record is swept", async || {
        number(&file, RECORDS).await == 99
    })
    .await;
}

/// The expiry is in the record, and only grows while the record lives.
#[tokio::test]
async fn case_24_a_shorter_retention_does_not_undo_a_longer_one() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let run = {
        let store = open_with(SqliteStore::builder(&file).retention(minutes(60))).await;
        handle(&store, key(1)).await;
        let (run, _) = granted(&store, key(2)).await;
        handle(&store, key(3)).await;
        run
    };
    let store = with_a_minute(&file).await;
    end(&store, run, End::Done).await;
    age(&file, 30 * MINUTE).await;
    handle(&store, key(4)).await;
    for n in 1..=3 {
        assert_eq!(
            store.status(key(n)).await.unwrap().state,
            RecordState::Done,
            "{n}"
        );
    }
    age(&file, 31 * MINUTE).await;
    until("all are swept", async || number(&file, RECORDS).await == 0).await;
}

/// An owner that stalled until its record was gone cannot settle the next record of the event.
#[tokio::test]
async fn a_forgotten_owner_has_lost_after_a_purge_and_after_a_sweep() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = with_a_minute(&file).await;
    let (stalled, _) = granted(&store, key(1)).await;
    age(&file, 30 * MINUTE).await;
    until("the record is swept", async || number(&file, RECORDS).await == 0).await;
    assert_eq!(store.finish(stalled, End::Done).await.unwrap(), Held::Lost);
    let (again, attempt) = granted(&store, key(1)).await;
    assert!(again.token > stalled.token && attempt == 1, "{again:?} {attempt}");
    end(&store, again, dead(letter("e"))).await;
    assert_eq!(store.purge("", key(1)).await.unwrap(), Purged::Yes);
    for run in [stalled, again] {
        assert_eq!(store.finish(run, End::Done).await.unwrap(), Held::Lost);
        assert_eq!(store.renew(run, LEASE).await.unwrap(), Held::Lost);
    }
}

/// A claim that reads an alias keeps it for longer than its record.
#[tokio::test]
async fn an_alias_is_extended_when_it_is_read() {
    const EXPIRES_FIRST: &str = "SELECT count(*) FROM apideck_hooks_aliases AS a
        JOIN apideck_hooks_records AS r ON a.record = r.key WHERE a.expires < r.expires";
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open_with(SqliteStore::builder(&file).retention(minutes(60))).await;
    let (run, _) = grant(&store, claim_with_alias(1)).await;
    assert_eq!(number(&file, EXPIRES_FIRST).await, 0);
    age(&file, 70 * MINUTE).await;
    assert_eq!(store.renew(run, LEASE).await.unwrap(), Held::Yes);
    assert_eq!(number(&file, EXPIRES_FIRST).await, 1);
    let mut other = super::claim(key(2));
    other.alias = claim_with_alias(1).alias;
    assert_eq!(store.claim(other).await.unwrap().record, key(1));
    assert_eq!(number(&file, EXPIRES_FIRST).await, 0);
}
