//! What the memory store keeps for an event.

use allocation_counter::measure;
use apideck_hooks::MemoryStore;
use apideck_hooks::store::{Claim, End, Held, Key, Store, Verdict};
use futures_util::FutureExt;
use std::time::Duration;

/// A key as good as a hash.
fn key(n: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Key::from_bytes(bytes)
}

fn handle(store: &MemoryStore, n: u64) {
    let claim = Claim::new(key(n), Some(key(!n)), Duration::from_secs(30));
    let claimed = store.claim(claim).now_or_never().expect("nothing waits");
    let claimed = claimed.expect("a claim");
    let Verdict::Granted { token, .. } = claimed.verdict else {
        panic!("{claimed:?}")
    };
    let held = store.finish(claimed.record, token, End::Done).now_or_never();
    assert_eq!(held.expect("nothing waits").expect("a finish"), Held::Yes);
}

/// Bytes that stay for each of so many events, and the most that were in use at once for each.
fn bytes(events: u64) -> [i64; 2] {
    let room = 2 * usize::try_from(events).expect("it fits");
    let mut kept = None;
    let counted = measure(|| {
        let store = MemoryStore::builder().capacity(room).build();
        (0..events).for_each(|n| handle(&store, n));
        kept = Some(store);
    });
    let store = kept.expect("a store");
    assert_eq!((store.len() as u64, store.evicted()), (events, 0));
    let each = |bytes: i64| bytes / i64::try_from(events).expect("it fits");
    [each(counted.bytes_current), each(counted.bytes_max as i64)]
}

/// With both keys. The tables inside double, so what an event costs goes up and down with their number: the second number
/// finds most of the shards just after.
#[test]
fn an_event_takes_160_bytes_at_most() {
    for events in [1_000_000, 950_000] {
        let [kept, most] = bytes(events);
        println!("{events} events: {kept} bytes each, {most} at the most");
        assert!(kept <= 160, "{kept} bytes each for {events}");
    }
}
