//! Keys, and an event that a store remembers.

use apideck_hooks::store::{Claim, End, Grant, Held, Key, Store, Verdict};
use futures_util::FutureExt;
use std::time::Duration;

/// The lease of a claim.
pub const LEASE: Duration = Duration::from_secs(30);

/// The key of an event, distributed like the hash that a receiver makes it from. `key(!n)` is the
/// key of its delivery.
pub fn key(n: u64) -> Key {
    let high = u128::from(mixed(n));
    let low = u128::from(mixed(n ^ 0x5555_5555_5555_5555));
    Key::from_bytes((high << 64 | low).to_be_bytes())
}

/// The mixer of SplitMix64.
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A claim of an event.
pub fn claim(n: u64, alias: Option<Key>) -> Claim {
    let mut claim = Claim::new(key(n), LEASE);
    claim.alias = alias;
    claim
}

/// Claims and finishes an event under both keys, in a store that never waits.
pub fn remember(store: &dyn Store, n: u64) {
    let claim = claim(n, Some(key(!n)));
    let id = claim.id;
    let claimed = store.claim(claim).now_or_never().expect("no wait");
    let claimed = claimed.expect("a claim");
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    let grant = Grant::new(claimed.record, token, id);
    let held = store.finish(grant, End::Done).now_or_never();
    assert_eq!(held.expect("no wait").expect("a finish"), Held::Yes);
}
