//! Finishes. A plain command records most of them, and it fences like a script.

use super::{LONG, done, get_record, granted, key, ms, record_name, set_record, set_token, token_of};
use apideck_hooks::RedisStore;
use apideck_hooks::store::{Claim, End, Held, Key, Status, Store, Token, Verdict};
use apideck_hooks_tests::redis::Isolated;
use tokio::time::sleep;

async fn running(store: &RedisStore, record: Key) -> Option<Token> {
    match store.status(record).await.unwrap() {
        Status::Running { token, .. } => Some(token),
        _ => None,
    }
}

#[tokio::test]
async fn a_stale_owner_changes_nothing() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let (first, _) = granted(&store, event, ms(1)).await;
    sleep(ms(20)).await;
    let (second, attempt) = granted(&store, event, LONG).await;
    assert!(second > first && attempt == 2);
    let before = get_record(&isolated, event).await;
    assert_eq!(store.finish(event, first, End::Done).await.unwrap(), Held::Lost);
    assert_eq!(get_record(&isolated, event).await, before);
    assert_eq!(store.finish(event, second, End::Done).await.unwrap(), Held::Yes);
    let before = get_record(&isolated, event).await;
    for token in [first, second] {
        for end in [End::Done, End::Release] {
            assert_eq!(store.finish(event, token, end).await.unwrap(), Held::Lost);
        }
    }
    assert_eq!(get_record(&isolated, event).await, before);
    assert_eq!(store.status(event).await.unwrap(), Status::Done { token: second });
}

/// Two receivers have different clocks, and the record expired in between. Then the later claim may
/// have the lesser token.
#[tokio::test]
async fn an_owner_from_before_an_expiry_settles_no_later_claim() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    for less in [1, 2, 3, 1_000_000, u64::MAX] {
        for end in [
            End::Done,
            End::Release,
            End::Dead(super::dead_letters::letter("{}")),
        ] {
            let event = key();
            let (old, _) = granted(&store, event, LONG).await;
            let new = Token(old.0.saturating_sub(less).max(1));
            set_token(&isolated, event, new.0).await;
            for _ in 0..3 {
                assert_eq!(store.finish(event, old, End::Done).await.unwrap(), Held::Lost);
                assert_eq!(running(&store, event).await, Some(new), "{less} less");
            }
            assert_eq!(store.renew(event, old, LONG).await.unwrap(), Held::Lost);
            let busy = store.claim(Claim::new(event, None, LONG)).await.unwrap();
            assert!(matches!(busy.verdict, Verdict::Running { .. }), "{busy:?}");
            let wanted = match end {
                End::Done => Status::Done { token: new },
                End::Release => Status::Released {
                    token: new,
                    attempt: 1,
                },
                End::Dead(_) => Status::Dead { token: new },
            };
            assert_eq!(store.finish(event, new, end).await.unwrap(), Held::Yes);
            assert_eq!(store.status(event).await.unwrap(), wanted);
        }
    }
}

#[tokio::test]
async fn every_token_settles_its_own_claim() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let mut tokens = vec![1, 2, 9_999_999_999_999_999 >> 1, (1 << 53) - 1];
    tokens.extend((0..53).map(|bit| 1 << bit));
    for token in tokens.into_iter().map(Token) {
        for others in [&[][..], &[token.0 - 1], &[token.0 + 1]] {
            let event = key();
            granted(&store, event, LONG).await;
            set_token(&isolated, event, token.0).await;
            for other in others {
                let lost = store.finish(event, Token(*other), End::Done).await.unwrap();
                assert_eq!((lost, running(&store, event).await), (Held::Lost, Some(token)));
            }
            assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
            assert_eq!(store.status(event).await.unwrap(), Status::Done { token });
        }
    }
}

#[tokio::test]
async fn a_missing_record_is_not_settled_and_not_created() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let event = key();
    let (token, _) = granted(&store, event, LONG).await;
    let mut forget = redis::cmd("DEL");
    forget.arg(record_name(&isolated, event));
    forget.exec_async(&mut isolated.client().await).await.unwrap();
    assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Lost);
    assert_eq!(get_record(&isolated, event).await, None);
    // A crash left a value without a claim.
    set_record(&isolated, event, &7_u64.to_be_bytes()).await;
    assert_eq!(store.status(event).await.unwrap(), Status::Absent);
    assert_eq!(store.renew(event, Token(7), LONG).await.unwrap(), Held::Lost);
    let claimed = store.claim(Claim::new(event, Some(key()), LONG)).await.unwrap();
    let (token, attempt) = token_of(claimed);
    assert_eq!(attempt, 1);
    assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.status(event).await.unwrap(), Status::Done { token });
}

#[tokio::test]
async fn a_script_settles_a_record_with_a_dead_letter() {
    let Some(isolated) = Isolated::new().await else {
        return;
    };
    let store = isolated.store().await;
    let (first, other, delivery) = (key(), key(), key());
    let claimed = store
        .claim(Claim::new(first, Some(delivery), LONG))
        .await
        .unwrap();
    let (token, _) = token_of(claimed);
    let dead = End::Dead(super::dead_letters::letter("{}"));
    assert_eq!(store.finish(first, token, dead).await.unwrap(), Held::Yes);
    // A record with a dead letter is a hash, which the command cannot settle.
    let dead_letters = store.dead_letters().unwrap();
    assert!(dead_letters.release(first).await.unwrap());
    let claimed = store
        .claim(Claim::new(other, Some(delivery), LONG))
        .await
        .unwrap();
    assert_eq!(claimed.record, first);
    let (token, attempt) = token_of(claimed);
    assert_eq!(attempt, 1);
    assert_eq!(
        store.finish(first, Token(token.0 + 1), End::Done).await.unwrap(),
        Held::Lost
    );
    assert_eq!(store.finish(first, token, End::Done).await.unwrap(), Held::Yes);
    assert_eq!(store.status(first).await.unwrap(), Status::Done { token });
    assert_eq!(store.status(other).await.unwrap(), Status::Absent);
    done(&store, other).await;
}
