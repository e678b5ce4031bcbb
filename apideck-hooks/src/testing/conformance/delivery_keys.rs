//! Delivery keys and the records that they are bound to.

use std::sync::Arc;

use super::support::{LONG, claim, finish, granted, key, status};
use crate::store::{Claimed, End, Held, MAX_ALIASES, Status, Store, Verdict};

/// A delivery key leads to its first record, also with another event.
pub async fn a_delivery_key_resolves_to_its_first_record(store: Arc<impl Store>) {
    let (first, other, delivery) = (key(), key(), key());
    let claimed = claim(&*store, first, Some(delivery), LONG).await;
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    let busy = claim(&*store, other, Some(delivery), LONG).await;
    assert!(
        busy.record == first && matches!(busy.verdict, Verdict::Running { .. }),
        "{busy:?}"
    );
    assert_eq!(finish(&*store, first, token, End::Done).await, Held::Yes);
    let done = claim(&*store, other, Some(delivery), LONG).await;
    assert_eq!(
        done,
        Claimed {
            record: first,
            verdict: Verdict::Done
        }
    );
    assert_eq!(status(&*store, other).await, Status::Absent);
    assert!(matches!(
        claim(&*store, other, None, LONG).await.verdict,
        Verdict::Granted { .. }
    ));
}

/// A replay under a new delivery key is a duplicate, and its key is bound too.
pub async fn a_second_delivery_key_is_bound_too(store: Arc<impl Store>) {
    let (event, first, second) = (key(), key(), key());
    let claimed = claim(&*store, event, Some(first), LONG).await;
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    assert_eq!(
        claim(&*store, event, Some(second), LONG).await.verdict,
        Verdict::Done
    );
    for delivery in [first, second] {
        let done = claim(&*store, key(), Some(delivery), LONG).await;
        assert_eq!(
            done,
            Claimed {
                record: event,
                verdict: Verdict::Done
            }
        );
    }
}

/// An event under ever new delivery keys stays a duplicate. Keys beyond `MAX_ALIASES` are not
/// bound.
pub async fn the_delivery_keys_of_a_record_are_bounded(store: Arc<impl Store>) {
    let event = key();
    let (token, _) = granted(&*store, event, LONG).await;
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    let mut last = key();
    for _ in 0..4 * MAX_ALIASES {
        last = key();
        assert_eq!(
            claim(&*store, event, Some(last), LONG).await.verdict,
            Verdict::Done
        );
    }
    let other = key();
    let claimed = claim(&*store, other, Some(last), LONG).await;
    assert!(
        claimed.record == other && matches!(claimed.verdict, Verdict::Granted { .. }),
        "{claimed:?}"
    );
}

/// The delivery key of a claim is bound to a running record and to a released one.
pub async fn a_delivery_key_is_bound_in_every_state_of_its_record(store: Arc<impl Store>) {
    let (event, while_busy, when_released) = (key(), key(), key());
    let (token, _) = granted(&*store, event, LONG).await;
    assert!(matches!(
        claim(&*store, event, Some(while_busy), LONG).await.verdict,
        Verdict::Running { .. }
    ));
    assert_eq!(finish(&*store, event, token, End::Release).await, Held::Yes);
    let again = claim(&*store, event, Some(when_released), LONG).await;
    let Verdict::Granted { token, attempt: 2 } = again.verdict else {
        panic!("{again:?}")
    };
    assert_eq!(finish(&*store, event, token, End::Done).await, Held::Yes);
    for delivery in [while_busy, when_released] {
        let done = claim(&*store, key(), Some(delivery), LONG).await;
        assert_eq!(
            done,
            Claimed {
                record: event,
                verdict: Verdict::Done
            }
        );
    }
}
