//! Keys, leases and calls that the tests share.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Claim, Claimed, DeadLetter, End, Held, Key, Status, Store, Token, Verdict};

/// A lease that no test outlives, even on a slow machine.
pub(super) const LONG: Duration = Duration::from_secs(60);
/// A lease that a test waits for.
pub(super) const SHORT: Duration = Duration::from_millis(300);
/// A pause after which a `SHORT` lease has ended.
pub(super) const PAST_SHORT: Duration = Duration::from_millis(600);

/// Makes a key that no other test has.
pub(super) fn key() -> Key {
    let half = || RandomState::new().hash_one(0).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    Key::from_bytes(bytes)
}

/// Makes a dead letter with a body.
pub(super) fn dead_letter() -> DeadLetter {
    DeadLetter {
        source: "source".to_owned(),
        event_type: "vault.connection.created".to_owned(),
        event_id: "e1".to_owned(),
        error: "no use".to_owned(),
        body: Some(Bytes::from_static(b"{\"payload\":{}}")),
    }
}

/// Claims the event.
pub(super) async fn claim(store: &dyn Store, event: Key, delivery: Option<Key>, lease: Duration) -> Claimed {
    store
        .claim(Claim::new(event, delivery, lease))
        .await
        .expect("a claim")
}

/// Claims the event and returns the token and the attempt. Panics if the claim is not granted.
pub(super) async fn granted(store: &dyn Store, event: Key, lease: Duration) -> (Token, u32) {
    match claim(store, event, None, lease).await {
        Claimed {
            record,
            verdict: Verdict::Granted { token, attempt },
        } if record == event => (token, attempt),
        other => panic!("not granted: {other:?}"),
    }
}

/// Ends the run.
pub(super) async fn finish(store: &dyn Store, record: Key, token: Token, end: End) -> Held {
    store.finish(record, token, end).await.expect("a finish")
}

/// Returns the record's state.
pub(super) async fn status(store: &dyn Store, record: Key) -> Status {
    store.status(record).await.expect("a status")
}
