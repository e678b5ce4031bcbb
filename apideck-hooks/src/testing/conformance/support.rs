//! Keys, claims and calls that the tests share.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::future::join_all;

use crate::store::{
    Claim, Claimed, DeadLetter, DeadLetterStore, DeadRecord, End, Grant, Held, Key, LastDelivery,
    LetterFilter, Purged, RecordState, Status, Store, Verdict,
};

/// A lease or a rest that no test outlives, even on a slow machine.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// A lease or a rest that a test waits for.
pub(super) const SHORT: Duration = Duration::from_millis(300);
/// A pause after which a `SHORT` wait has ended.
pub(super) const PAST_SHORT: Duration = Duration::from_millis(600);

/// Makes a key that no other test has.
pub(super) fn key() -> Key {
    let half = || RandomState::new().hash_one(0).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    Key::from_bytes(bytes)
}

/// Makes the name of a source that no other test has.
pub(super) fn source() -> String {
    format!("conformance-{}", key())
}

/// Makes a claim with a `LONG` lease.
pub(super) fn claim_of(event: Key) -> Claim {
    Claim::new(event, LONG)
}

/// Makes a claim with a `LONG` lease and an alias.
pub(super) fn claim_with(event: Key, alias: Key) -> Claim {
    Claim {
        alias: Some(alias),
        ..claim_of(event)
    }
}

/// Makes a claim with a `LONG` lease that can be the event's last delivery, however young the
/// record is.
pub(super) fn last_claim(event: Key, letter: DeadLetter) -> Claim {
    let last = LastDelivery {
        letter,
        min_age: Duration::ZERO,
    };
    Claim {
        last: Some(Box::new(last)),
        ..claim_of(event)
    }
}

/// Makes a dead letter.
pub(super) fn letter(source: &str) -> DeadLetter {
    DeadLetter::new(source, r#"{"payload":{}}"#)
        .error("no use")
        .event("vault.connection.created", "event", "entity", "consumer")
}

/// The end with a letter of a run that began.
pub(super) fn dead(letter: DeadLetter) -> End {
    End::Dead {
        letter: Box::new(letter),
        began: true,
    }
}

/// The end without a wait of the handler.
pub(super) const RELEASE: End = End::Release { rest: Duration::ZERO };

/// Every kind of end.
pub(super) fn every_end() -> [End; 5] {
    [
        End::Done,
        RELEASE,
        dead(letter("source")),
        End::Withdraw,
        End::Interrupt,
    ]
}

/// Claims the event.
pub(super) async fn claimed(store: &dyn Store, claim: Claim) -> Claimed {
    store.claim(claim).await.expect("a claim")
}

/// Claims the event and returns the verdict. Panics if it is on another record, or wrote a letter.
pub(super) async fn verdict(store: &dyn Store, claim: Claim) -> Verdict {
    let event = claim.event;
    let claimed = claimed(store, claim).await;
    assert!(claimed.record == event && !claimed.lettered, "{claimed:?}");
    claimed.verdict
}

/// Claims the event and returns the grant and the attempt. Panics if the claim is not granted on
/// the event's own record, or wrote a letter.
pub(super) async fn granted(store: &dyn Store, claim: Claim) -> (Grant, u32) {
    let (event, id) = (claim.event, claim.id);
    match verdict(store, claim).await {
        Verdict::Granted { token, attempt } => (Grant::new(event, token, id), attempt),
        other => panic!("not granted: {other:?}"),
    }
}

/// Ends the run.
pub(super) async fn finish(store: &dyn Store, grant: Grant, end: End) -> Held {
    store.finish(grant, end).await.expect("a finish")
}

/// Ends the run. Panics if the grant does not hold.
pub(super) async fn end(store: &dyn Store, grant: Grant, end: End) {
    assert_eq!(finish(store, grant, end.clone()).await, Held::Yes, "{end:?}");
}

/// Starts the lease again.
pub(super) async fn renew(store: &dyn Store, grant: Grant, lease: Duration) -> Held {
    store.renew(grant, lease).await.expect("a renewal")
}

/// Ends the rest.
pub(super) async fn end_rest(store: &dyn Store, record: Key) -> bool {
    store.end_rest(record).await.expect("an end of the rest")
}

/// Returns the record's status.
pub(super) async fn status(store: &dyn Store, record: Key) -> Status {
    store.status(record).await.expect("a status")
}

/// Returns the record's status without the time that passes: the time left becomes `LONG`, unless
/// it is zero.
pub(super) async fn still(store: &dyn Store, record: Key) -> Status {
    let mut status = status(store, record).await;
    match &mut status.state {
        RecordState::Running { lease_left: left } | RecordState::Released { left } if !left.is_zero() => {
            *left = LONG
        }
        _ => {}
    }
    status
}

/// Panics if a wait that began a moment ago with this length is not nearly all left.
pub(super) fn nearly(left: Duration, length: Duration) {
    assert!(
        left <= length && left > length - LONG / 2,
        "{left:?} left of {length:?}"
    );
}

/// Dead-letters a new event.
pub(super) async fn dead_lettered(store: &dyn Store, letter: DeadLetter) -> Key {
    let event = key();
    let (grant, _) = granted(store, claim_of(event)).await;
    end(store, grant, dead(letter)).await;
    event
}

/// Returns the dead letter.
pub(super) async fn kept(letters: &dyn DeadLetterStore, source: &str, record: Key) -> Option<DeadRecord> {
    letters.get(source, record).await.expect("a get")
}

/// Claims the record for a replay.
pub(super) async fn replay(letters: &dyn DeadLetterStore, source: &str, claim: Claim) -> Option<Verdict> {
    letters.replay(source, claim).await.expect("a replay")
}

/// Claims the record for a replay. Panics if the claim is not granted.
pub(super) async fn replayed(letters: &dyn DeadLetterStore, source: &str, claim: Claim) -> (Grant, u32) {
    let (record, id) = (claim.event, claim.id);
    match replay(letters, source, claim).await {
        Some(Verdict::Granted { token, attempt }) => (Grant::new(record, token, id), attempt),
        other => panic!("not granted: {other:?}"),
    }
}

/// Deletes the dead letter.
pub(super) async fn purge(letters: &dyn DeadLetterStore, source: &str, record: Key) -> Purged {
    letters.purge(source, record).await.expect("a purge")
}

/// Counts the dead letters of the source.
pub(super) async fn count(letters: &dyn DeadLetterStore, source: &str) -> u64 {
    letters
        .count(source, &LetterFilter::new())
        .await
        .expect("a count")
}

/// Runs the futures at once in tasks of their own.
pub(super) async fn at_once<T: Send + 'static>(
    futures: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.map(tokio::spawn).collect();
    let results = join_all(tasks).await;
    results
        .into_iter()
        .map(|result| result.expect("no panic"))
        .collect()
}
