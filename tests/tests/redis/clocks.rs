//! Changes of the clock. Only the clock of the server counts (Case 23).

use super::{LONG, RELEASE, SOURCE, claim_of, dead_letter, granted, key, run, verdict};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{DeadLetterStore, End, Held, Key, RecordState, Rests, Store, Verdict};
use apideck_hooks_tests::redis::{Isolated, move_times};
use std::path::Path;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A change of the wall clock has no effect on code that does not read it.
#[test]
fn case_23_the_store_reads_only_the_clock_of_the_server() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apideck-hooks/src/store/redis");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        files += 1;
        for clock in ["SystemTime", "Timestamp::now"] {
            assert!(!text.contains(clock), "{clock} in {}", path.display());
        }
    }
    assert!(files > 8, "{files}");
}

/// Sets the clock of the server back by an hour, which moves the times of a record ahead.
async fn set_back(isolated: &Isolated, record: Key) {
    let name = format!("{}:record:{record}", isolated.prefix);
    let by = HOUR.as_micros() as i64;
    move_times(&mut isolated.client().await, &[name], by, true).await;
}

async fn state(store: &RedisStore, record: Key) -> RecordState {
    store.status(record).await.unwrap().state
}

/// The clock jumps ahead by an hour. Settled events stay settled. A lease ends early, and a stale
/// owner has lost.
#[tokio::test]
async fn case_23_a_clock_that_jumps_ahead_grants_no_claim_twice() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (done, running) = (key(), key());
    super::done(&store, done).await;
    let old = run(&store, running).await;
    isolated.age(HOUR).await;
    assert_eq!(verdict(&store, done).await, Verdict::Done);
    let (new, attempt) = granted(&store, claim_of(running, None)).await;
    assert!(new.token > old.token && attempt == 2);
    assert_eq!(store.finish(old, End::Done).await.unwrap(), Held::Lost);
    assert_eq!(store.renew(old, LONG).await.unwrap(), Held::Lost);
    assert_eq!(store.finish(new, End::Done).await.unwrap(), Held::Yes);
}

/// The clock is set back by an hour. Nobody waits for longer than the length of a lease or a rest,
/// and tokens grow.
#[tokio::test]
async fn case_23_a_clock_that_is_set_back_keeps_nobody_waiting() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let mut claim = claim_of(event, None);
    claim.rests = Rests::new([LONG; Rests::LENGTH]);
    let (first, _) = granted(&store, claim).await;
    set_back(&isolated, event).await;
    let RecordState::Running { lease_left } = state(&store, event).await else {
        panic!("it runs")
    };
    assert_eq!(lease_left, LONG);
    let moved = apideck_hooks::store::Grant::new(
        event,
        apideck_hooks::store::Token(first.token.0 + HOUR.as_micros() as u64),
        first.id,
    );
    assert_eq!(store.renew(moved, LONG).await.unwrap(), Held::Yes);
    assert_eq!(store.finish(moved, RELEASE).await.unwrap(), Held::Yes);
    set_back(&isolated, event).await;
    let RecordState::Released { left } = state(&store, event).await else {
        panic!("it rests")
    };
    assert_eq!(left, LONG);
    assert!(store.end_rest(event).await.unwrap());
    let (second, attempt) = granted(&store, claim_of(event, None)).await;
    assert!(second.token.0 > moved.token.0 + HOUR.as_micros() as u64 && attempt == 2);
}

/// A wait that a claim has seen lasts as long as its length from then on, and not as long as the
/// clock was set back by.
#[tokio::test]
async fn case_23_a_wait_that_a_claim_has_seen_ends_after_its_length() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (running, resting) = (key(), key());
    let with_rest = |event| {
        let mut claim = claim_of(event, None);
        claim.rests = Rests::new([LONG; Rests::LENGTH]);
        claim
    };
    granted(&store, with_rest(running)).await;
    let (grant, _) = granted(&store, with_rest(resting)).await;
    assert_eq!(store.finish(grant, RELEASE).await.unwrap(), Held::Yes);
    let dead = dead_letter(&store, "{}").await;
    let replayed = async || store.replay(SOURCE, with_rest(dead)).await.unwrap().unwrap();
    assert!(matches!(replayed().await, Verdict::Granted { .. }));
    for event in [running, resting] {
        set_back(&isolated, event).await;
        let verdict = store.claim(with_rest(event)).await.unwrap().verdict;
        assert!(!matches!(verdict, Verdict::Granted { .. }), "{verdict:?}");
    }
    set_back(&isolated, dead).await;
    let verdict = replayed().await;
    assert!(matches!(verdict, Verdict::Running { .. }), "{verdict:?}");
    isolated.age(LONG).await;
    granted(&store, with_rest(resting)).await;
    let verdict = store.claim(with_rest(running)).await.unwrap().verdict;
    assert!(!matches!(verdict, Verdict::Running { .. }), "{verdict:?}");
    let verdict = replayed().await;
    assert!(matches!(verdict, Verdict::Granted { .. }), "{verdict:?}");
}
