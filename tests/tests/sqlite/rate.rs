//! What group commit is worth.

use super::{LEASE, key, open};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, End, Held, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Instant;

/// Claims and finishes per second, of this many tasks.
async fn rate(store: &Arc<SqliteStore>, tasks: u64, first: u64, events: u64) -> f64 {
    let start = Instant::now();
    let tasks = (0..tasks).map(|task| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for n in (task..events).step_by(tasks as usize) {
                let (event, delivery) = (
                    key((first + n).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                    key(!(first + n)),
                );
                let claimed = store
                    .claim(Claim::new(event, Some(delivery), LEASE))
                    .await
                    .unwrap();
                let Verdict::Granted { token, .. } = claimed.verdict else {
                    panic!("{claimed:?}")
                };
                let held = store.finish(event, token, End::Done).await.unwrap();
                assert_eq!(held, Held::Yes);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    events as f64 / start.elapsed().as_secs_f64()
}

#[ignore = "a measurement, for a release build"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_share_their_commits() {
    let directory = Directory::default();
    let store = Arc::new(open(&directory.file("hooks.db")).await);
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for round in 0..5 {
        one.push(rate(&store, 1, round * 1_000_000, 2000).await);
        many.push(rate(&store, 64, round * 1_000_000 + 500_000, 20_000).await);
    }
    one.sort_by(f64::total_cmp);
    many.sort_by(f64::total_cmp);
    println!("claim + finish per second: {one:.0?} one by one, {many:.0?} from 64 tasks");
    assert!(
        many[2] >= 5.0 * one[2],
        "group commit is worth {:.1}",
        many[2] / one[2]
    );
}
