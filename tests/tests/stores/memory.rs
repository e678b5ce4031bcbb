//! The memory store. The unit tests beside it have the order of eviction and the aliases.

use super::{EVENT, secs};
use apideck_hooks::MemoryStore;
use apideck_hooks::store::{Claim, End, Grant, Held, Key, RecordState, Status, Store, Token, Verdict};
use apideck_hooks_tests::kit::{Deliver, Told, event};
use apideck_hooks_tests::probe::{Probe, Step};
use std::path::Path;
use std::time::Duration;
use tokio::time::{advance, sleep};

const RELEASE: End = End::Release { rest: Duration::ZERO };

fn key(n: u64) -> Key {
    Key::from_bytes(u128::from(n).to_le_bytes())
}

async fn verdict(store: &MemoryStore, claim: Claim) -> Verdict {
    store.claim(claim).await.unwrap().verdict
}

/// Claims the event for 30 seconds.
async fn claim(store: &MemoryStore, n: u64) -> Result<Grant, Verdict> {
    let claim = Claim::new(key(n), secs(30));
    let id = claim.id;
    match verdict(store, claim).await {
        Verdict::Granted { token, .. } => Ok(Grant::new(key(n), token, id)),
        refused => Err(refused),
    }
}

async fn settle(store: &MemoryStore, n: u64, end: End) -> Token {
    let grant = claim(store, n).await.expect("it is claimable");
    assert_eq!(store.finish(grant, end).await.unwrap(), Held::Yes);
    grant.token
}

async fn state(store: &MemoryStore, n: u64) -> RecordState {
    store.status(key(n)).await.unwrap().state
}

/// After it is made, the store reads tokio's clock alone, which is monotonic. A change of the wall
/// clock has no effect.
#[test]
fn case_23_the_memory_store_reads_the_wall_clock_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/store/memory");
    let mut reads = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        reads += text.matches("SystemTime::now").count();
        assert!(!text.contains("Timestamp::now"));
    }
    assert_eq!(reads, 1);
}

#[tokio::test(start_paused = true)]
async fn two_memory_stores_share_nothing() {
    let probe = Probe::default();
    for _ in 0..2 {
        let hooks = probe.hooks().store(MemoryStore::new()).build().unwrap();
        let reply = event(EVENT, "e1").call(&hooks).await;
        reply.assert_handled();
    }
}

/// A handler can fence its effects by the token, also when a new process runs the event again.
#[tokio::test]
async fn a_token_grows_over_a_restart() {
    let before = settle(&MemoryStore::new(), 1, End::Done).await;
    sleep(Duration::from_millis(1)).await;
    let after = settle(&MemoryStore::new(), 1, End::Done).await;
    assert!(after > before, "{before:?} {after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_memory_store_keeps_no_dead_letters() {
    let store = MemoryStore::new();
    assert!(store.dead_letters().is_none() && store.transactions().is_none());
    assert!(store.is_volatile() && !store.is_shared());
}

#[tokio::test(start_paused = true)]
async fn case_24_a_record_expires_a_retention_after_its_run_and_never_while_it_runs() {
    let store = MemoryStore::builder().retention(secs(60)).build();
    let running = claim(&store, 3).await.unwrap();
    // Later than the lease and the retention of a claim at the start.
    for n in 0..4 {
        advance(secs(25)).await;
        assert_eq!(store.renew(running, secs(30)).await.unwrap(), Held::Yes, "{n}");
    }
    let ends = [claim(&store, 1).await.unwrap(), claim(&store, 2).await.unwrap()];
    advance(secs(30)).await;
    assert_eq!(store.finish(ends[0], End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.finish(ends[1], RELEASE).await.unwrap(), Held::Yes);
    advance(secs(60) - Duration::from_millis(1)).await;
    assert_eq!(state(&store, 1).await, RecordState::Done);
    assert_eq!(claim(&store, 1).await, Err(Verdict::Done));
    assert_eq!(
        state(&store, 2).await,
        RecordState::Released { left: Duration::ZERO }
    );
    // Its lease ended a minute ago.
    assert_eq!(
        state(&store, 3).await,
        RecordState::Released { left: Duration::ZERO }
    );
    advance(Duration::from_millis(1)).await;
    for n in [1, 2, 3] {
        assert_eq!(store.status(key(n)).await.unwrap(), Status::ABSENT);
    }
    let again = claim(&store, 3).await.unwrap();
    assert!(again.token > running.token);
    assert_eq!(store.status(key(3)).await.unwrap().attempts, 1);
    assert_eq!(store.finish(running, End::Done).await.unwrap(), Held::Lost);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_remembered_for_48_hours() {
    let store = MemoryStore::new();
    settle(&store, 1, End::Done).await;
    // The lease is part of the time for which a record is kept.
    advance(secs(48 * 60 * 60 + 30) - Duration::from_millis(1)).await;
    assert_eq!(claim(&store, 1).await, Err(Verdict::Done));
    advance(Duration::from_millis(1)).await;
    assert!(claim(&store, 1).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn case_25_a_full_store_evicts_the_oldest_done_event_and_never_a_running_one() {
    let store = MemoryStore::builder().capacity(4).build();
    for n in 1..=4 {
        settle(&store, n, End::Done).await;
    }
    // The order of the ends counts. A duplicate makes no record newer.
    assert_eq!(claim(&store, 1).await, Err(Verdict::Done));
    claim(&store, 5).await.unwrap();
    assert_eq!(
        (state(&store, 1).await, store.evicted()),
        (RecordState::Absent, 1)
    );
    assert_eq!(claim(&store, 2).await, Err(Verdict::Done));
    for n in 6..=8 {
        claim(&store, n).await.unwrap();
    }
    assert_eq!(claim(&store, 9).await, Err(Verdict::Full));
    assert_eq!((store.len(), store.evicted()), (4, 4));
    assert!(matches!(state(&store, 5).await, RecordState::Running { .. }));
    // The leases have ended.
    advance(secs(30)).await;
    claim(&store, 9).await.unwrap();
    assert_eq!(state(&store, 5).await, RecordState::Absent);
}

#[tokio::test(start_paused = true)]
async fn case_25_a_large_store_remembers_its_last_events_and_their_delivery_keys() {
    const EVENTS: u64 = 5_000;
    let claim = |event: u64, delivery: u64| {
        let mut claim = Claim::new(key(event), secs(30));
        claim.alias = Some(key(EVENTS + delivery));
        claim
    };
    // Two shards.
    let store = MemoryStore::builder().capacity(2_048).build();
    for n in 0..EVENTS {
        let claim = claim(n, n);
        let id = claim.id;
        let Verdict::Granted { token, .. } = verdict(&store, claim).await else {
            panic!("{n} is not granted")
        };
        let grant = Grant::new(key(n), token, id);
        assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
    }
    assert_eq!((store.len(), store.evicted()), (2_048, EVENTS - 2_048));
    for n in EVENTS - 2_048..EVENTS {
        let claimed = store.claim(claim(3 * EVENTS + n, n)).await.unwrap();
        assert_eq!((claimed.record, claimed.verdict), (key(n), Verdict::Done));
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
    let deliveries = ["e1", "e2", "e3"].map(|id| event(EVENT, id));
    let (one, two, three) = tokio::join!(deliveries[0].call(&hooks), deliveries[1].call(&hooks), async {
        probe.started().await;
        probe.started().await;
        let third = deliveries[2].call(&hooks).await;
        probe.open();
        probe.open();
        third
    });
    assert_eq!(
        [one.outcome(), two.outcome(), three.outcome()],
        ["handled", "handled", "503"]
    );
    assert!(three.retry_after().is_some());
    deliveries[2].call(&hooks).await.assert_handled();
}
