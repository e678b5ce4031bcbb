//! The memory that the memory store allocates for an event.

use allocation_counter::measure;
use apideck_hooks::MemoryStore;
use perf::store::remember;

/// The bytes that stay allocated, and the most that were allocated at once, for each of these
/// events.
fn bytes(events: u64) -> [i64; 2] {
    let capacity = 2 * usize::try_from(events).expect("it fits");
    let mut kept = None;
    let counted = measure(|| {
        let store = MemoryStore::builder().capacity(capacity).build();
        (0..events).for_each(|n| remember(&store, n));
        kept = Some(store);
    });
    let store = kept.expect("a store");
    assert_eq!((store.len() as u64, store.evicted()), (events, 0));
    let each = |bytes: i64| bytes / i64::try_from(events).expect("it fits");
    [each(counted.bytes_current), each(counted.bytes_max as i64)]
}

/// With both keys. The tables double when they are full, so the bytes of an event depend on their
/// number. At the second number most shards have just doubled.
#[test]
fn an_event_takes_200_bytes_at_most() {
    for events in [1_000_000, 950_000] {
        let [kept, most] = bytes(events);
        println!("{events} events: {kept} bytes each, {most} at the most");
        assert!(kept <= 200, "{kept} bytes each for {events}");
    }
}
