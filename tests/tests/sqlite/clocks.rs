//! Changes of the system's clock, which is the store's clock (Case 23). A test moves the times in
//! the file instead: older records are the same as a clock that is ahead.

use super::{
    LEASE, RELEASE, age, claim, claim_with_alias, end, grant, granted, handle, key, microseconds, open,
};
use apideck_hooks::SqliteStore;
use apideck_hooks::store::{Claim, End, Held, RecordState, Rests, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use apideck_hooks_tests::sqlite::open_with;
use std::time::Duration;

const HOUR: i64 = microseconds(Duration::from_secs(3600));

fn with_rest(n: u64) -> Claim {
    let mut claim = claim(key(n));
    claim.rests = Rests::new([LEASE; Rests::LENGTH]);
    claim
}

#[tokio::test]
async fn case_23_a_clock_that_is_set_back_keeps_nobody_waiting_for_longer() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    let (running, _) = grant(&store, with_rest(1)).await;
    let (resting, _) = grant(&store, with_rest(2)).await;
    end(&store, resting, RELEASE).await;
    handle(&store, key(3)).await;
    age(&file, -HOUR).await;
    let verdict = async |n| store.claim(with_rest(n)).await.unwrap().verdict;
    let Verdict::Running { lease_left, .. } = verdict(1).await else {
        panic!("it runs")
    };
    assert_eq!(lease_left, LEASE);
    let Verdict::Resting { left } = verdict(2).await else {
        panic!("it rests")
    };
    assert_eq!(left, LEASE);
    assert_eq!(verdict(3).await, Verdict::Done);
    // The run goes on, and its token is greater than the clock.
    assert_eq!(store.renew(running, LEASE).await.unwrap(), Held::Yes);
    end(&store, running, RELEASE).await;
    assert!(store.end_rest(key(1)).await.unwrap());
    let (again, attempt) = granted(&store, key(1)).await;
    assert!(again.token > running.token && attempt == 2);
}

/// A wait that a claim has seen lasts as long as its length from then on, and not as long as the
/// clock was set back by.
#[tokio::test]
async fn case_23_a_wait_that_a_claim_has_seen_ends_after_its_length() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    grant(&store, with_rest(1)).await;
    let (resting, _) = grant(&store, with_rest(2)).await;
    end(&store, resting, RELEASE).await;
    age(&file, -HOUR).await;
    for n in [1, 2] {
        let verdict = store.claim(with_rest(n)).await.unwrap().verdict;
        assert!(!matches!(verdict, Verdict::Granted { .. }), "{n} {verdict:?}");
    }
    age(&file, microseconds(LEASE)).await;
    grant(&store, with_rest(2)).await;
    // Its run had no end, so it rests now.
    let verdict = store.claim(with_rest(1)).await.unwrap().verdict;
    assert!(!matches!(verdict, Verdict::Running { .. }), "{verdict:?}");
}

#[tokio::test]
async fn case_23_a_clock_that_is_ahead_ends_leases_and_rests_and_grants_nothing_twice() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    let (stalled, _) = grant(&store, with_rest(1)).await;
    let (resting, _) = grant(&store, with_rest(2)).await;
    end(&store, resting, RELEASE).await;
    age(&file, HOUR).await;
    let (owner, attempt) = granted(&store, key(1)).await;
    assert_eq!(attempt, 2);
    assert_eq!(store.finish(stalled, End::Done).await.unwrap(), Held::Lost);
    assert_eq!(store.renew(stalled, LEASE).await.unwrap(), Held::Lost);
    end(&store, owner, End::Done).await;
    assert_eq!(granted(&store, key(2)).await.1, 2);
}

/// A clock that is an hour ahead shortens a retention by an hour, and no more.
#[tokio::test]
async fn case_23_a_clock_change_between_two_openings_moves_the_end_of_a_retention_by_as_much() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let two_hours = || open_with(SqliteStore::builder(&file).retention(Duration::from_secs(2 * 3600)));
    handle(&two_hours().await, key(1)).await;
    for (set, state) in [
        (HOUR, RecordState::Done),
        (-HOUR, RecordState::Done),
        (3 * HOUR, RecordState::Absent),
    ] {
        age(&file, set).await;
        assert_eq!(
            two_hours().await.status(key(1)).await.unwrap().state,
            state,
            "{set}"
        );
    }
}

/// Times of any length are accepted.
#[tokio::test]
async fn unbounded_times_are_accepted() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open_with(SqliteStore::builder(&file).retention(Duration::MAX)).await;
    let mut unbounded = claim_with_alias(1);
    unbounded.lease = Duration::MAX;
    unbounded.rests = Rests::new([Duration::MAX; Rests::LENGTH]);
    let (run, attempt) = grant(&store, unbounded).await;
    assert_eq!(attempt, 1);
    assert_eq!(store.renew(run, Duration::MAX).await.unwrap(), Held::Yes);
    end(&store, run, End::Release { rest: Duration::MAX }).await;
    assert!(store.end_rest(key(1)).await.unwrap());
    // The delivery finds its record.
    let mut again = claim(key(2));
    again.alias = claim_with_alias(1).alias;
    let (run, attempt) = grant(&store, again).await;
    assert_eq!((run.record, attempt), (key(1), 2));
    end(&store, run, End::Done).await;
}
