//! Aliases: delivery keys and the records that they name, under races and after crashes.

use super::{LONG, claim, done, key, ms, proxied, token_of};
use apideck_hooks::store::{Claimed, DeadLetterStore, End, Held, Key, MAX_ALIASES, Status, Store, Verdict};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Mode;
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::time::sleep;

async fn bind_by_hand(isolated: &Isolated, delivery: Key, record: Key) {
    let mut value = record.to_bytes().to_vec();
    value.extend([7; 16]);
    redis::cmd("SET")
        .arg(format!("{}:a:{delivery}", isolated.prefix))
        .arg(value)
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_alias_without_a_record_blocks_no_event() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    // A claim of the same event.
    let (event, delivery) = (key(), key());
    bind_by_hand(&isolated, delivery, event).await;
    let claimed = claim(&store, event, Some(delivery), LONG).await;
    assert_eq!((claimed.record, token_of(claimed).1), (event, 1));
    // A claim of another event rebinds the key.
    let (gone, event, delivery) = (key(), key(), key());
    bind_by_hand(&isolated, delivery, gone).await;
    let claimed = claim(&store, event, Some(delivery), LONG).await;
    assert_eq!((claimed.record, token_of(claimed).1), (event, 1));
    assert_eq!(store.status(gone).await.unwrap(), Status::Absent);
    let third = claim(&store, key(), Some(delivery), LONG).await;
    assert!(third.record == event && matches!(third.verdict, Verdict::Running { .. }));
}

#[tokio::test]
async fn an_alias_of_a_purged_record_is_rebound() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (event, delivery) = (key(), key());
    let (token, _) = token_of(claim(&store, event, Some(delivery), LONG).await);
    let end = End::Dead(super::dead_letters::letter("{}"));
    assert_eq!(store.finish(event, token, end).await.unwrap(), Held::Yes);
    assert!(store.purge(event).await.unwrap());
    let other = key();
    let claimed = claim(&store, other, Some(delivery), LONG).await;
    assert_eq!((claimed.record, token_of(claimed).1), (other, 1));
}

#[tokio::test]
async fn one_claim_wins_an_alias_without_a_record() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let (proxy, builder) = proxied(&isolated).await;
    proxy.set(Mode::Jitter);
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(Arc::new(builder.clone().connect().await.unwrap()));
    }
    for round in 0..48 {
        let (gone, delivery) = (key(), key());
        bind_by_hand(&isolated, delivery, gone).await;
        // Two claims are of the event that the key was bound to, the others of new events.
        let claims = join_all((0..8).map(|n| {
            let store = Arc::clone(&stores[n % stores.len()]);
            let event = if n < 2 { gone } else { key() };
            // A delay, to come between the steps of the claims that rebind the key.
            let late = ms(if n < 2 { round % 16 } else { 0 });
            tokio::spawn(async move {
                sleep(late).await;
                claim(&store, event, Some(delivery), LONG).await
            })
        }));
        let claims: Vec<Claimed> = claims.await.into_iter().map(Result::unwrap).collect();
        let granted = |claimed: &&Claimed| matches!(claimed.verdict, Verdict::Granted { .. });
        let winners: Vec<_> = claims.iter().filter(granted).collect();
        let [winner] = winners[..] else {
            panic!("round {round}: {claims:?}")
        };
        // The other claims find a running record. Some may have found a claim that was taken back
        // later, so that all ask again.
        let running = |claimed: &&Claimed| matches!(claimed.verdict, Verdict::Running { .. });
        assert_eq!(
            claims.iter().filter(running).count(),
            7,
            "round {round}: {claims:?}"
        );
        for event in [gone, key()] {
            let again = claim(&stores[0], event, Some(delivery), LONG).await;
            assert!(
                again.record == winner.record && running(&&again),
                "round {round}: {again:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_claim_under_the_key_of_another_event_leaves_no_trace() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (first, other, delivery) = (key(), key(), key());
    done(&store, first).await;
    assert_eq!(
        claim(&store, first, Some(delivery), LONG).await.verdict,
        Verdict::Done
    );
    // An existing record stays as it was.
    let (token, _) = super::granted(&store, other, LONG).await;
    assert_eq!(store.finish(other, token, End::Release).await.unwrap(), Held::Yes);
    let before = store.status(other).await.unwrap();
    let claimed = claim(&store, other, Some(delivery), LONG).await;
    assert_eq!(
        claimed,
        Claimed {
            record: first,
            verdict: Verdict::Done
        }
    );
    let Status::Released {
        attempt: 1,
        token: now,
    } = store.status(other).await.unwrap()
    else {
        panic!("it was released")
    };
    assert!(
        matches!(before, Status::Released { attempt: 1, token } if token <= now),
        "{before:?}"
    );
}

#[tokio::test]
async fn the_next_delivery_binds_an_alias_that_a_crash_left_out() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (event, delivery) = (key(), key());
    claim(&store, event, Some(delivery), LONG).await;
    redis::cmd("DEL")
        .arg(format!("{}:a:{delivery}", isolated.prefix))
        .exec_async(&mut isolated.client().await)
        .await
        .unwrap();
    assert!(matches!(
        claim(&store, event, Some(delivery), LONG).await.verdict,
        Verdict::Running { .. }
    ));
    assert_eq!(claim(&store, key(), Some(delivery), LONG).await.record, event);
}

#[tokio::test]
async fn new_keys_for_one_event_do_not_fill_redis() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = Arc::new(isolated.store().await);
    let event = key();
    done(&store, event).await;
    let claims = (0..8 * MAX_ALIASES).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { claim(&store, event, Some(key()), LONG).await.verdict })
    });
    for verdict in join_all(claims).await {
        assert_eq!(verdict.unwrap(), Verdict::Done);
    }
    let aliases = isolated
        .keys()
        .await
        .into_iter()
        .filter(|key| key.contains(":a:"));
    assert_eq!(aliases.count(), MAX_ALIASES);
}

#[tokio::test]
async fn every_key_expires() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    done(&store, key()).await;
    claim(&store, key(), Some(key()), LONG).await;
    let mut client = isolated.client().await;
    for key in isolated.keys().await {
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut client)
            .await
            .unwrap();
        assert!(left > 0, "{key} is kept for ever");
    }
}
