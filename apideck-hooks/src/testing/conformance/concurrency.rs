//! Concurrent claims, and claims that are dropped half-way.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::support::{LONG, PAST_SHORT, SHORT, claim, finish, granted, key};
use crate::store::{Claim, Claimed, End, Held, Store, Token, Verdict};

/// An event has at most one live token.
pub async fn one_of_many_concurrent_claims_is_granted(store: Arc<impl Store>) {
    for _ in 0..20 {
        let event = key();
        let claims = join_all((0..32).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { claim(&*store, event, Some(key()), LONG).await })
        }));
        let claims: Vec<_> = claims
            .await
            .into_iter()
            .map(|claimed| claimed.expect("no panic"))
            .collect();
        let [token] = grants(&claims)[..] else {
            panic!("{claims:?}")
        };
        assert!(claims.iter().all(|claimed| claimed.record == event));
        assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    }
}

/// The first claim with a delivery key decides its record.
pub async fn concurrent_claims_with_one_delivery_key_get_one_record(store: Arc<impl Store>) {
    for _ in 0..20 {
        let delivery = key();
        let claims = join_all((0..16).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { claim(&*store, key(), Some(delivery), LONG).await })
        }));
        let claims: Vec<_> = claims
            .await
            .into_iter()
            .map(|claimed| claimed.expect("no panic"))
            .collect();
        assert_eq!(grants(&claims).len(), 1, "{claims:?}");
        assert!(
            claims.iter().all(|claimed| claimed.record == claims[0].record),
            "{claims:?}"
        );
    }
}

/// An owner that has crashed has one successor.
pub async fn one_of_many_claims_of_an_ended_lease_is_granted(store: Arc<impl Store>) {
    let event = key();
    granted(&*store, event, SHORT).await;
    sleep(PAST_SHORT).await;
    let claims = join_all((0..32).map(|_| claim(&*store, event, None, LONG))).await;
    assert_eq!(grants(&claims).len(), 1, "{claims:?}");
}

/// A claim that is dropped half-way was made or was not made. The event can be settled in both
/// cases.
pub async fn a_dropped_claim_leaves_a_record_that_can_be_settled(store: Arc<impl Store>) {
    for polls in 0..5 {
        let event = key();
        {
            let mut dropped = std::pin::pin!(store.claim(Claim::new(event, None, SHORT)));
            for _ in 0..polls {
                let polled =
                    std::future::poll_fn(|cx| std::task::Poll::Ready(dropped.as_mut().poll(cx))).await;
                if polled.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // A dropped claim may still be under way. It takes less time than this.
        sleep(PAST_SHORT + PAST_SHORT).await;
        let (token, _) = granted(&*store, event, LONG).await;
        assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    }
}

/// Returns the tokens of the granted claims.
fn grants(claims: &[Claimed]) -> Vec<Token> {
    claims
        .iter()
        .filter_map(|claimed| match claimed.verdict {
            Verdict::Granted { token, .. } => Some(token),
            _ => None,
        })
        .collect()
}
