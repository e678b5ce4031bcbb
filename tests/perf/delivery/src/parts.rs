//! The parts of a delivery, each by itself and as plain as possible.

use crate::receiver::runtime;
use hmac::Mac;
use perf::by_hand::{Envelope, ShardedMap};
use perf::clock::Routine;
use perf::event;
use perf::store::key;
use sha2::Sha256;
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

/// One key of 16 bytes in a sharded map, with its state and the time of its last change.
#[derive(Default)]
pub(crate) struct Map {
    map: ShardedMap<(bool, Instant)>,
    numbers: Range<u64>,
}

impl Routine for Map {
    fn prepare(&mut self, numbers: Range<u64>) {
        self.numbers = numbers;
    }

    fn run(&mut self) {
        for n in self.numbers.clone() {
            let record = (false, Instant::now());
            self.map
                .remember(key(n), record, |record| *record = (true, Instant::now()));
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
