//! Keys, and an event that a store remembers.

use apideck_hooks::store::{Claim, End, Held, Key, Store, Verdict};
use futures_util::FutureExt;
use std::time::Duration;

/// The lease of a claim.
pub const LEASE: Duration = Duration::from_secs(30);

/// The key of an event, distributed like a hash. `key(!n)` is the key of its delivery.
pub fn key(n: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Key::from_bytes(bytes)
}

/// Claims and finishes an event under both keys, in a store that never waits.
pub fn remember(store: &dyn Store, n: u64) {
    let claim = Claim::new(key(n), Some(key(!n)), LEASE);
    let claimed = store.claim(claim).now_or_never().expect("no wait");
    let claimed = claimed.expect("a claim");
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    let held = store.finish(claimed.record, token, End::Done).now_or_never();
    assert_eq!(held.expect("no wait").expect("a finish"), Held::Yes);
}
