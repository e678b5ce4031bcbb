//! The parts of a delivery, each by itself and as plain as possible.

use crate::receiver::runtime;
use apideck_hooks::store::Key;
use hmac::Mac;
use perf::by_hand::{Envelope, ShardedMap};
use perf::clock::Routine;
use perf::event;
use perf::store::key;
use sha2::{Digest, Sha256};
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;
use tokio::runtime::Runtime;

fn bodies(numbers: Range<u64>) -> Vec<String> {
    numbers.map(event::body).collect()
}

/// HMAC-SHA-256 over the body with a key that was prepared once.
pub(crate) struct Hmac {
    key: hmac::Hmac<Sha256>,
    /// Bodies with their MACs.
    bodies: Vec<(String, [u8; 32])>,
}

impl Default for Hmac {
    fn default() -> Self {
        Self {
            key: event::key(),
            bodies: Vec::new(),
        }
    }
}

impl Hmac {
    fn mac(&self, body: &str) -> hmac::Hmac<Sha256> {
        self.key.clone().chain_update(black_box(body))
    }
}

impl Routine for Hmac {
    fn prepare(&mut self, numbers: Range<u64>) {
        let bodies = bodies(numbers).into_iter().map(|body| {
            let mac = self.mac(&body).finalize().into_bytes().into();
            (body, mac)
        });
        self.bodies = bodies.collect();
    }

    fn run(&mut self) {
        for (body, mac) in &self.bodies {
            self.mac(body).verify_slice(mac).expect("its MAC");
        }
    }
}

/// The event as a struct with strings of its own.
#[derive(Default)]
pub(crate) struct Parse {
    bodies: Vec<String>,
}

impl Routine for Parse {
    fn prepare(&mut self, numbers: Range<u64>) {
        self.bodies = bodies(numbers);
    }

    fn run(&mut self) {
        for body in &self.bodies {
            let envelope: Envelope = serde_json::from_slice(body.as_bytes()).expect("the example");
            black_box(envelope);
        }
    }
}

/// The event key and the delivery key, each a SHA-256.
///
/// A store gets "16 bytes of SHA-256 over an event's identity" (ARCHITECTURE.md), and a delivery
/// has two identities (the documentation of `Identity`).
#[derive(Default)]
pub(crate) struct Keys {
    /// The event id and the idempotency key of each delivery.
    ids: Vec<(String, String)>,
}

/// The entity and the time of the example.
const ENTITY_ID: &str = "1111+test_user_id";
const OCCURRED_AT: &str = "2021-10-01T03:14:55.419Z";

fn hashed(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let hash: [u8; 32] = hash.finalize().into();
    Key::from_bytes(std::array::from_fn(|at| hash[at]))
}

impl Routine for Keys {
    fn prepare(&mut self, numbers: Range<u64>) {
        let ids = |n| {
            (
                format!("{}{n:012x}", event::ID),
                format!("{}{n:012x}", event::KEY),
            )
        };
        self.ids = numbers.map(ids).collect();
    }

    fn run(&mut self) {
        for (id, key) in &self.ids {
            black_box(hashed(&[event::EVENT_TYPE, id, ENTITY_ID]));
            black_box(hashed(&[event::EVENT_TYPE, key, ENTITY_ID, OCCURRED_AT]));
        }
    }
}

/// Two keys of 16 bytes in sharded maps. The event key has its state and the time of its last
/// change. The delivery key has the event key and the time at which it was bound.
///
/// Two, because "the delivery key is a second name of that record" (the documentation of
/// `Identity`), and the next delivery can be known by either name.
#[derive(Default)]
pub(crate) struct Map {
    records: ShardedMap<(bool, Instant)>,
    aliases: ShardedMap<(Key, Instant)>,
    numbers: Range<u64>,
}

impl Routine for Map {
    fn prepare(&mut self, numbers: Range<u64>) {
        self.numbers = numbers;
    }

    fn run(&mut self) {
        for n in self.numbers.clone() {
            let now = Instant::now();
            self.aliases.insert(key(!n), (key(n), now));
            self.records
                .remember(key(n), (false, now), |record| *record = (true, Instant::now()));
        }
    }
}

/// A tokio task that does nothing, and the wait for its end.
pub(crate) struct Spawn {
    runtime: Runtime,
    numbers: Range<u64>,
}

impl Default for Spawn {
    fn default() -> Self {
        Self {
            runtime: runtime(),
            numbers: 0..0,
        }
    }
}

impl Routine for Spawn {
    fn prepare(&mut self, numbers: Range<u64>) {
        self.numbers = numbers;
    }

    fn run(&mut self) {
        self.runtime.block_on(async {
            for number in self.numbers.clone() {
                let task = tokio::spawn(async move { black_box(number) });
                assert_eq!(task.await.ok(), Some(number));
            }
        });
    }
}
