//! The memory store, beside a sharded map.

use crate::subject::{Keys, Ours, Remember, Subject, TASKS};
use crate::{Bench, count};
use apideck_hooks::MemoryStore;
use perf::by_hand::ShardedMap;
use perf::limits::Limit;
use perf::machine::resident;
use perf::store::{key, remember};

/// Events that the store remembers.
const EVENTS: u64 = 1_000_000;

impl Remember for ShardedMap<bool> {
    async fn remember(&self, n: u64) {
        ShardedMap::remember(self, key(n), false, |done| *done = true);
    }
}

fn store(events: u64) -> MemoryStore {
    let capacity = usize::try_from(events).expect("it fits");
    MemoryStore::builder().capacity(capacity).build()
}

pub(crate) async fn measure(bench: &mut Bench) {
    let bytes = bytes(EVENTS / bench.share);
    let ours = |keys| {
        move || Ours {
            store: store(2 * EVENTS),
            keys,
        }
    };
    let events = [EVENTS, EVENTS];
    let mut subjects = [
        Subject::fresh("memory", events, ours(Keys::EventAndDelivery)),
        Subject::fresh("memory, one key", events, ours(Keys::Event)),
        Subject::fresh("sharded map, one key", events, ShardedMap::<bool>::default),
    ];
    bench.measure(&mut subjects).await;
    // By hand there is one key.
    let [_, one, by_hand] = &subjects;
    for (at, tasks) in TASKS.into_iter().enumerate() {
        let subject = format!("time: {} ÷ {}, {}", one.name, by_hand.name, count(tasks));
        let limit = Limit::AtMost(3.0);
        bench.limits.check(subject, by_hand.ratio(one, at), limit);
    }
    for (what, bytes) in ["at capacity", "after ten times as many events"]
        .iter()
        .zip(bytes)
    {
        let subject = format!("memory, bytes of an event {what}");
        bench.limits.check(subject, bytes, Limit::AtMost(200.0));
    }
}

/// The resident bytes of an event in a full store: after as many events as its capacity, and after
/// ten times as many.
fn bytes(capacity: u64) -> [f64; 2] {
    let now = || resident(std::process::id()).expect("Linux") as f64;
    let store = store(capacity);
    let before = now();
    let mut next = 0;
    [1, 10].map(|times| {
        while next < times * capacity {
            remember(&store, next);
            next += 1;
        }
        (now() - before) / store.len() as f64
    })
}
