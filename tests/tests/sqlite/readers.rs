//! Claims that change nothing do not wait for the writer.

use super::{
    LEASE, RELEASE, claim, dead_letter, end, grant, granted, handle, key, letter, open, other_program,
};
use apideck_hooks::store::{Claim, DeadLetterStore, Held, LastDelivery, RecordState, Rests, Store, Verdict};
use apideck_hooks_tests::directory::Directory;
use sqlx::Executor;
use std::time::Duration;
use tokio::time::timeout;

/// Another program keeps the store from writing.
#[tokio::test]
async fn refused_claims_are_answered_while_nothing_can_be_written() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    handle(&store, key(1)).await;
    dead_letter(&store, key(2), letter("e2")).await;
    let running = claim(key(3));
    let (held, _) = grant(&store, running.clone()).await;
    let mut resting = claim(key(4));
    resting.rests = Rests::new([LEASE; Rests::LENGTH]);
    let (run, _) = grant(&store, resting).await;
    end(&store, run, RELEASE).await;

    let mut other = other_program(&file).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let verdict = async |claim: Claim| store.claim(claim).await.unwrap().verdict;
    // The lock is waited for as long as the claim of a new event.
    let new = store.claim(claim(key(5)));
    let mut new = std::pin::pin!(new);
    assert!(timeout(Duration::from_millis(50), &mut new).await.is_err());
    for _ in 0..10 {
        assert_eq!(verdict(claim(key(1))).await, Verdict::Done);
        assert_eq!(verdict(claim(key(2))).await, Verdict::Dead { kept: true });
        assert!(matches!(
            verdict(claim(key(3))).await,
            Verdict::Running { kept: false, .. }
        ));
        assert!(matches!(verdict(claim(key(4))).await, Verdict::Resting { .. }));
    }
    // Also a claim that is sent again, and a last delivery of an event that keeps a letter.
    let token = held.token;
    assert_eq!(verdict(running).await, Verdict::Granted { token, attempt: 1 });
    let mut last = claim(key(2));
    last.last = Some(Box::new(LastDelivery::new(letter("e2"))));
    assert_eq!(verdict(last).await, Verdict::Dead { kept: true });
    assert_eq!(store.status(key(1)).await.unwrap().state, RecordState::Done);
    assert_eq!(store.count("", &Default::default()).await.unwrap(), 1);
    other.execute("COMMIT").await.unwrap();
    match new.await {
        Ok(claimed) => assert!(matches!(claimed.verdict, Verdict::Granted { .. })),
        // On a slow machine it has waited too long.
        Err(error) => assert!(error.to_string().contains("keeps it locked"), "{error}"),
    }
}

/// A last delivery that has to write its letter goes to the writer.
#[tokio::test]
async fn a_last_delivery_of_a_running_event_writes_its_letter() {
    let directory = Directory::default();
    let store = open(&directory.file("hooks.db")).await;
    let (held, _) = granted(&store, key(1)).await;
    let mut last = LastDelivery::new(letter("e1"));
    last.min_age = Duration::ZERO;
    let mut claim = claim(key(1));
    claim.last = Some(Box::new(last));
    let claimed = store.claim(claim).await.unwrap();
    assert!(claimed.lettered && matches!(claimed.verdict, Verdict::Running { kept: true, .. }));
    assert!(store.get("", key(1)).await.unwrap().unwrap().running);
    assert_eq!(store.renew(held, LEASE).await.unwrap(), Held::Yes);
}

/// A claim whose caller has gone before its turn grants nothing.
#[tokio::test]
async fn an_abandoned_claim_is_not_granted() {
    let directory = Directory::default();
    let file = directory.file("hooks.db");
    let store = open(&file).await;
    let mut other = other_program(&file).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    // The writer waits for the lock with the first claim. The second is behind it.
    let first = store.claim(claim(key(1)));
    let mut first = std::pin::pin!(first);
    assert!(timeout(Duration::from_millis(50), &mut first).await.is_err());
    let second = timeout(Duration::from_millis(50), store.claim(claim(key(2)))).await;
    assert!(second.is_err());
    other.execute("COMMIT").await.unwrap();
    let _ = first.await;
    handle(&store, key(3)).await;
    assert_eq!(store.status(key(2)).await.unwrap().state, RecordState::Absent);
}
