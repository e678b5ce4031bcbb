//! Commits of an event, counted in the write-ahead log.

use super::{LEASE, key, open};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, End, Held, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use futures_util::future::join_all;
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

async fn handle(store: &SqliteStore, n: u64) {
    let claim = Claim::new(key(n), Some(key(1_000_000 + n)), LEASE);
    let Verdict::Granted { token, .. } = store.claim(claim).await.unwrap().verdict else {
        panic!("it is new")
    };
    assert_eq!(store.finish(key(n), token, End::Done).await.unwrap(), Held::Yes);
}

#[tokio::test]
async fn an_event_costs_two_commits_and_many_at_once_share_theirs() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    handle(&store, 0).await;
    let before = commits(&file);
    for n in 1..=10 {
        handle(&store, n).await;
    }
    let one_by_one = commits(&file) - before;
    assert_eq!(one_by_one, 20);
    // On one thread all claims are queued before the task of the store runs.
    join_all((11..=74).map(|n| handle(&store, n))).await;
    let together = commits(&file) - before - one_by_one;
    assert!((2..=8).contains(&together), "{together} commits of 64 events");
}
