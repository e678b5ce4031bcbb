//! Concurrent calls, and calls that are dropped half-way.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::support::{
    at_once, claim_of, claim_with, claimed, count, dead_lettered, end, granted, kept, key, last_claim,
    letter, purge, replay, source, status, verdict,
};
use crate::store::{Claimed, End, Purged, RecordState, Store, Verdict};

/// An event has at most one live token.
pub async fn one_of_many_concurrent_claims_is_granted(store: Arc<impl Store>) {
    for _ in 0..20 {
        let event = key();
        let claims = at_once((0..32).map(|_| {
            let store = Arc::clone(&store);
            async move { claimed(&*store, claim_with(event, key())).await }
        }))
        .await;
        assert_eq!(grants(&claims), 1, "{claims:?}");
        assert!(claims.iter().all(|claimed| claimed.record == event), "{claims:?}");
        assert_eq!(status(&*store, event).await.attempts, 1);
    }
}

/// A claim that is sent several times at once gets one grant.
pub async fn one_claim_that_is_sent_many_times_gets_one_grant(store: Arc<impl Store>) {
    for _ in 0..10 {
        let claim = claim_with(key(), key());
        let claims = at_once((0..8).map(|_| {
            let (store, claim) = (Arc::clone(&store), claim.clone());
            async move { claimed(&*store, claim).await }
        }))
        .await;
        assert!(claims.iter().all(|other| *other == claims[0]), "{claims:?}");
        assert_eq!(grants(&claims), 8, "{claims:?}");
        assert_eq!(status(&*store, claim.event).await.attempts, 1);
    }
}

/// Claims of different events under one alias get one record. The other events keep no attempt and
/// no letter of theirs.
pub async fn concurrent_claims_with_one_alias_get_one_record(store: Arc<impl Store>) {
    for _ in 0..20 {
        let (alias, source) = (key(), source());
        let events: Vec<_> = (0..16).map(|_| key()).collect();
        let claims = at_once(events.clone().into_iter().map(|event| {
            let store = Arc::clone(&store);
            let mut claim = last_claim(event, letter(&source));
            claim.alias = Some(alias);
            async move { claimed(&*store, claim).await }
        }))
        .await;
        let record = claims[0].record;
        assert_eq!(grants(&claims), 1, "{claims:?}");
        assert!(
            claims.iter().all(|claimed| claimed.record == record),
            "{claims:?}"
        );
        if let Some(letters) = store.dead_letters() {
            assert_eq!(count(letters, &source).await, 1);
            assert!(kept(letters, &source, record).await.is_some());
        }
        for event in events.into_iter().filter(|event| *event != record) {
            let status = status(&*store, event).await;
            assert!(status.attempts == 0 && !status.kept, "{status:?}");
            assert_eq!(granted(&*store, claim_of(event)).await.1, 1);
        }
    }
}

/// A failed run has one successor.
pub async fn one_of_many_claims_of_a_released_record_is_granted(store: Arc<impl Store>) {
    for _ in 0..10 {
        let event = key();
        let (grant, _) = granted(&*store, claim_of(event)).await;
        end(&*store, grant, super::support::RELEASE).await;
        let claims = at_once((0..16).map(|_| {
            let store = Arc::clone(&store);
            async move { claimed(&*store, claim_of(event)).await }
        }))
        .await;
        assert_eq!(grants(&claims), 1, "{claims:?}");
        assert_eq!(status(&*store, event).await.attempts, 2);
    }
}

/// One of many replays at once is granted, and no delivery is.
pub async fn one_of_many_concurrent_replays_is_granted(store: Arc<impl Store>) {
    if store.dead_letters().is_none() {
        return;
    }
    for _ in 0..10 {
        let source = source();
        let event = dead_lettered(&*store, letter(&source)).await;
        let verdicts = at_once((0..16).map(|number| {
            let (store, source) = (Arc::clone(&store), source.clone());
            async move {
                if number % 4 == 0 {
                    return verdict(&*store, claim_of(event)).await;
                }
                let letters = store.dead_letters().expect("dead letters");
                let verdict = replay(letters, &source, claim_of(event)).await;
                verdict.expect("the letter is kept")
            }
        }))
        .await;
        let granted = verdicts.iter().filter(|verdict| is_granted(verdict)).count();
        assert_eq!(granted, 1, "{verdicts:?}");
        let status = status(&*store, event).await;
        assert!(status.attempts == 2 && status.kept, "{status:?}");
    }
}

/// A replay beside a purge: either the replay runs and the purge is refused, or the letter is gone
/// and the replay finds none.
pub async fn a_replay_and_a_purge_at_once_agree(store: Arc<impl Store>) {
    if store.dead_letters().is_none() {
        return;
    }
    for _ in 0..20 {
        let source = source();
        let event = dead_lettered(&*store, letter(&source)).await;
        let replaying = {
            let (store, source) = (Arc::clone(&store), source.clone());
            tokio::spawn(async move {
                let letters = store.dead_letters().expect("dead letters");
                replay(letters, &source, claim_of(event)).await
            })
        };
        let letters = store.dead_letters().expect("dead letters");
        let purged = purge(letters, &source, event).await;
        let replayed = replaying.await.expect("no panic");
        let status = status(&*store, event).await;
        let is_kept = kept(letters, &source, event).await.is_some();
        match (&replayed, purged) {
            (Some(Verdict::Granted { .. }), Purged::Busy) => {
                assert!(matches!(status.state, RecordState::Running { .. }), "{status:?}");
                assert!(status.kept && is_kept, "{status:?}");
            }
            (None, Purged::Yes) => {
                assert_eq!(status.state, RecordState::Done);
                assert!(!status.kept && !is_kept, "{status:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A claim that is dropped half-way was made or was not made. Sent again, it is granted as the
/// first attempt in both cases.
pub async fn a_dropped_claim_can_be_sent_again(store: Arc<impl Store>) {
    for polls in 0..6 {
        let claim = claim_with(key(), key());
        dropped_after(polls, store.claim(claim.clone())).await;
        let (grant, attempt) = granted(&*store, claim).await;
        assert_eq!(attempt, 1);
        end(&*store, grant, End::Done).await;
    }
}

/// An end that is dropped half-way was recorded or was not recorded. Sent again, it holds in both
/// cases.
pub async fn a_dropped_end_can_be_sent_again(store: Arc<impl Store>) {
    for polls in 0..6 {
        let event = key();
        let (grant, _) = granted(&*store, claim_of(event)).await;
        dropped_after(polls, store.finish(grant, End::Done)).await;
        end(&*store, grant, End::Done).await;
        assert_eq!(verdict(&*store, claim_of(event)).await, Verdict::Done);
    }
}

/// Polls the future up to `polls` times and drops it.
async fn dropped_after(polls: usize, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
        if polled {
            break;
        }
        tokio::task::yield_now().await;
    }
}

fn is_granted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Granted { .. })
}

/// Returns the number of granted claims.
fn grants(claims: &[Claimed]) -> usize {
    claims
        .iter()
        .filter(|claimed| is_granted(&claimed.verdict))
        .count()
}
