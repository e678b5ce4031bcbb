//! Claims, leases and the end of a run.

use std::sync::Arc;

use tokio::time::sleep;

use super::support::{LONG, PAST_SHORT, SHORT, claim, dead_letter, finish, granted, key, status};
use crate::store::{Claimed, End, Held, Status, Store, Token, Verdict};

/// The first claim is granted as attempt 1. After the run, further claims report `Done` and change
/// nothing.
pub async fn a_claim_is_granted_once_and_remembered(store: Arc<impl Store>) {
    let event = key();
    assert_eq!(status(&*store, event).await, Status::Absent);
    let (token, attempt) = granted(&*store, event, LONG).await;
    assert_eq!(attempt, 1);
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    for _ in 0..2 {
        let again = claim(&*store, event, None, LONG).await;
        assert_eq!(
            again,
            Claimed {
                record: event,
                verdict: Verdict::Done
            }
        );
        assert_eq!(status(&*store, event).await, Status::Done { token });
    }
}

/// A claim of a running record reports the time left of its lease.
pub async fn a_claim_of_a_running_record_reports_the_rest_of_its_lease(store: Arc<impl Store>) {
    let event = key();
    let (token, attempt) = granted(&*store, event, LONG).await;
    let Verdict::Running { lease_left } = claim(&*store, event, None, LONG).await.verdict else {
        panic!("the record is running");
    };
    assert!(lease_left <= LONG && lease_left > LONG / 2, "{lease_left:?}");
    match status(&*store, event).await {
        Status::Running {
            lease_left: left,
            token: runs,
            attempt: tried,
        } => {
            assert!(left <= LONG && left > LONG / 2, "{left:?}");
            assert_eq!((runs, tried), (token, attempt));
        }
        other => panic!("{other:?}"),
    }
}

/// A failed run deletes nothing.
pub async fn a_release_keeps_the_attempts_and_the_next_token_is_greater(store: Arc<impl Store>) {
    let event = key();
    let mut last = None;
    for attempt in 1..=5 {
        let (token, tried) = granted(&*store, event, LONG).await;
        assert_eq!(tried, attempt);
        assert!(last < Some(token), "{last:?} {token:?}");
        last = Some(token);
        assert_eq!(finish(&*store, event, token, End::Release).await, Held::Yes);
        assert_eq!(status(&*store, event).await, Status::Released { token, attempt });
    }
}

/// A claim of a dead record is not granted.
pub async fn a_dead_record_stays_dead(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    assert_eq!(
        finish(&*store, event, token, End::Dead(dead_letter())).await,
        Held::Yes
    );
    assert_eq!(claim(&*store, event, None, LONG).await.verdict, Verdict::Dead);
    assert_eq!(status(&*store, event).await, Status::Dead { token });
}

/// The next claim is granted. Calls of the old owner change nothing after that.
pub async fn an_ended_lease_can_be_claimed_and_its_owner_has_lost(store: Arc<impl Store>) {
    let event = key();
    let (old, _) = granted(&*store, event, SHORT).await;
    assert!(matches!(
        claim(&*store, event, None, LONG).await.verdict,
        Verdict::Running { .. }
    ));
    sleep(PAST_SHORT).await;
    let (new, attempt) = granted(&*store, event, LONG).await;
    assert!(new > old && attempt == 2, "{old:?} {new:?} {attempt}");
    assert_eq!(
        store.renew(event, old, LONG).await.expect("a renewal"),
        Held::Lost
    );
    for end in [End::Done, End::Release, End::Dead(dead_letter())] {
        assert_eq!(finish(&*store, event, old, end).await, Held::Lost);
    }
    assert!(matches!(status(&*store, event).await, Status::Running { token, .. } if token == new));
    assert_eq!(finish(&*store, event, new, End::Done).await, Held::Yes);
    assert_eq!(finish(&*store, event, old, End::Release).await, Held::Lost);
    assert_eq!(status(&*store, event).await, Status::Done { token: new });
}

/// If no other claim came, the owner still holds the record.
pub async fn an_ended_lease_without_a_successor_still_settles(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, SHORT).await;
    sleep(PAST_SHORT).await;
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    assert_eq!(status(&*store, event).await, Status::Done { token });
}

/// A lease that was renewed in time is not granted to another claim.
pub async fn a_renewal_starts_the_lease_again(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, SHORT).await;
    assert_eq!(
        store.renew(event, token, LONG).await.expect("a renewal"),
        Held::Yes
    );
    sleep(PAST_SHORT).await;
    assert!(matches!(
        claim(&*store, event, None, LONG).await.verdict,
        Verdict::Running { .. }
    ));
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
}

/// A token settles its record once.
pub async fn a_settled_record_cannot_be_settled_again(store: Arc<impl Store>) {
    for end in [End::Done, End::Release, End::Dead(dead_letter())] {
        let event = key();
        let (token, _) = granted(&*store, event, LONG).await;
        assert_eq!(finish(&*store, event, token, end).await, Held::Yes);
        let settled = status(&*store, event).await;
        // Also with numbers that no store uses as a token.
        for token in [token, Token(1 << 63), Token(u64::MAX)] {
            for end in [End::Done, End::Release, End::Dead(dead_letter())] {
                assert_eq!(finish(&*store, event, token, end).await, Held::Lost);
            }
            assert_eq!(
                store.renew(event, token, LONG).await.expect("a renewal"),
                Held::Lost
            );
        }
        assert_eq!(status(&*store, event).await, settled);
    }
}

/// Calls for an unknown record create nothing.
pub async fn an_unknown_record_is_lost_and_absent(store: Arc<impl Store>) {
    let event = key();
    assert_eq!(
        store.renew(event, Token(1), LONG).await.expect("a renewal"),
        Held::Lost
    );
    assert_eq!(finish(&*store, event, Token(1), End::Done).await, Held::Lost);
    assert_eq!(status(&*store, event).await, Status::Absent);
}

/// Only the token of the claim holds.
pub async fn a_greater_token_is_lost(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    // The last one ends in the digits of the token.
    for other in [token.0 + 1, 1 << 63, u64::MAX, 10_u64.pow(16) + token.0].map(Token) {
        assert_eq!(
            store.renew(event, other, LONG).await.expect("a renewal"),
            Held::Lost
        );
        assert_eq!(finish(&*store, event, other, End::Done).await, Held::Lost);
    }
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
}
