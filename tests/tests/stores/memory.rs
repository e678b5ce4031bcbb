//! The memory store.

use super::{EVENT, secs};
use apideck_hooks::MemoryStore;
use apideck_hooks::store::{Claim, End, Held, Key, Status, Store, Token, Verdict};
use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::probe::{Probe, Step};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

fn key(n: u8) -> Key {
    Key::from_bytes([n; 16])
}

async fn claim(store: &MemoryStore, n: u8) -> Verdict {
    store
        .claim(Claim::new(key(n), None, secs(30)))
        .await
        .unwrap()
        .verdict
}

async fn settle(store: &MemoryStore, n: u8, end: End) {
    let Verdict::Granted { token, .. } = claim(store, n).await else {
        panic!("{n} is not granted")
    };
    assert_eq!(store.finish(key(n), token, end).await.unwrap(), Held::Yes);
}

/// The store reads tokio's clock, which is monotonic. A change of the wall clock has no effect.
#[test]
fn case_23_the_memory_store_reads_no_wall_clock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/store/memory");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        files += 1;
        assert!(!text.contains("SystemTime") && !text.contains("Timestamp::now"));
    }
    assert!(files > 3, "{files}");
}

#[tokio::test(start_paused = true)]
async fn two_memory_stores_share_nothing() {
    let probe = Probe::default();
    for _ in 0..2 {
        let hooks = probe.hooks().store(MemoryStore::new()).build().unwrap();
        let reply = Delivery::event(EVENT, "e1").call(&hooks).await;
        assert_eq!(reply.word(), "handled");
    }
}

#[tokio::test(start_paused = true)]
async fn case_24_a_record_expires_to_the_millisecond_and_never_while_it_runs() {
    let store = MemoryStore::builder().retention(secs(60)).build();
    settle(&store, 1, End::Done).await;
    settle(&store, 2, End::Release).await;
    claim(&store, 3).await;
    sleep(secs(60) - Duration::from_millis(1)).await;
    assert_eq!(claim(&store, 1).await, Verdict::Done);
    assert!(matches!(
        store.status(key(2)).await.unwrap(),
        Status::Released { .. }
    ));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Absent);
    assert_eq!(store.status(key(2)).await.unwrap(), Status::Absent);
    assert!(matches!(
        claim(&store, 1).await,
        Verdict::Granted { attempt: 1, .. }
    ));
    // A day later the lease is long over. The record stays, and its token grows.
    sleep(secs(86_400)).await;
    claim(&store, 4).await;
    assert!(matches!(
        claim(&store, 3).await,
        Verdict::Granted {
            attempt: 2,
            token: Token(2)
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn case_25_a_full_store_evicts_the_oldest_done_event_and_never_a_running_one() {
    let store = MemoryStore::builder().capacity(4).build();
    for n in 1..=4 {
        settle(&store, n, End::Done).await;
    }
    // The order of the finishes counts, not the order of the claims.
    for _ in 0..10 {
        assert_eq!(claim(&store, 1).await, Verdict::Done);
    }
    assert!(matches!(claim(&store, 5).await, Verdict::Granted { .. }));
    assert_eq!(store.evicted(), 1);
    assert_eq!(store.status(key(1)).await.unwrap(), Status::Absent);
    assert_eq!(claim(&store, 2).await, Verdict::Done);
    for n in 6..=8 {
        assert!(matches!(claim(&store, n).await, Verdict::Granted { .. }), "{n}");
    }
    assert_eq!(claim(&store, 9).await, Verdict::Full);
    assert_eq!((store.len(), store.evicted()), (4, 4));
    assert!(matches!(
        store.status(key(5)).await.unwrap(),
        Status::Running { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn case_25_a_full_large_store_evicts_a_few_old_events_at_a_time() {
    const EVENTS: u64 = 5_000;
    let store = MemoryStore::builder().capacity(2_048).build();
    let key = |n: u64| Key::from_bytes((u128::from(n + 1) << 64 | u128::from(n)).to_be_bytes());
    for n in 0..EVENTS {
        let claim = Claim::new(key(n), Some(key(n + EVENTS)), secs(30));
        let Verdict::Granted { token, .. } = store.claim(claim).await.unwrap().verdict else {
            panic!("{n} is not granted")
        };
        assert_eq!(store.finish(key(n), token, End::Done).await.unwrap(), Held::Yes);
    }
    assert!((1_800..=2_048).contains(&store.len()), "{}", store.len());
    assert_eq!(store.len() as u64 + store.evicted(), EVENTS);
    for n in EVENTS - 1_000..EVENTS {
        let claim = Claim::new(key(n), Some(key(n + EVENTS)), secs(30));
        assert_eq!(store.claim(claim).await.unwrap().verdict, Verdict::Done, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_25_a_store_full_of_running_events_is_503() {
    let probe = Probe::new([
        Step::Gate(Box::new(Step::Succeed)),
        Step::Gate(Box::new(Step::Succeed)),
    ]);
    let hooks = probe
        .hooks()
        .store(MemoryStore::builder().capacity(2).build())
        .build()
        .unwrap();
    let deliveries = ["e1", "e2", "e3"].map(|id| Delivery::event(EVENT, id));
    let (one, two, three) = tokio::join!(deliveries[0].call(&hooks), deliveries[1].call(&hooks), async {
        probe.started().await;
        probe.started().await;
        let third = deliveries[2].call(&hooks).await;
        probe.open();
        probe.open();
        third
    });
    assert_eq!(
        [one.word(), two.word(), three.word()],
        ["handled", "handled", "503"]
    );
    assert!(three.retry_after().is_some());
    assert_eq!(deliveries[2].call(&hooks).await.word(), "handled");
}
