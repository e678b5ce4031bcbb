//! What a delivery is made of, each by itself and as plain as can be.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map as JsonMap, Value};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::clock::Way;
use crate::event::{self, Event, Number, Signed};
use crate::receiver::runtime;

type Numbers = std::ops::Range<Number>;

/// HMAC-SHA-256 over the body, with the key's state kept.
pub(crate) struct Mac {
    key: Hmac<Sha256>,
    events: Vec<Event>,
}

impl Default for Mac {
    fn default() -> Self {
        Mac {
            key: event::key(),
            events: Vec::new(),
        }
    }
}

impl Way for Mac {
    fn prepare(&mut self, events: Numbers) {
        self.events = event::events(events, Signed::Raw);
    }

    fn run(&mut self) {
        for event in &self.events {
            let mac = self.key.clone().chain_update(black_box(&event.body));
            mac.verify_slice(&event.mac).expect("its MAC");
        }
    }
}

/// The event in a struct of its own texts and times.
#[derive(Default)]
pub(crate) struct Parse {
    events: Vec<Event>,
}

impl Way for Parse {
    fn prepare(&mut self, events: Numbers) {
        self.events = event::events(events, Signed::Raw);
    }

    fn run(&mut self) {
        for event in &self.events {
            let envelope: Envelope = serde_json::from_slice(&event.body).expect("the example");
            black_box(envelope);
        }
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
struct Envelope {
    payload: Payload,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
struct Payload {
    event_id: String,
    event_type: EventType,
    service_id: String,
    entity_id: String,
    entity_type: String,
    entity: Connection,
    execution_attempt: u32,
    #[serde(deserialize_with = "time")]
    occurred_at: jiff::Timestamp,
    migrated_from: Option<String>,
}

#[derive(Deserialize)]
enum EventType {
    #[serde(rename = "vault.connection.created")]
    Created,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
struct Connection {
    id: String,
    consumer_id: String,
    unified_api: String,
    service_id: String,
    name: String,
    icon: String,
    logo: String,
    website: String,
    tag_line: String,
    auth_type: String,
    enabled: bool,
    state: String,
    health: Option<String>,
    settings: Option<JsonMap<String, Value>>,
    metadata: Option<JsonMap<String, Value>>,
    #[serde(deserialize_with = "time")]
    created_at: jiff::Timestamp,
    #[serde(deserialize_with = "time")]
    updated_at: jiff::Timestamp,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<jiff::Timestamp, D::Error> {
    <&str>::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// What the keys are made of, event and delivery: a hash over texts as long as the example's.
#[derive(Default)]
pub(crate) struct Keys {
    numbers: Numbers,
}

impl Way for Keys {
    fn prepare(&mut self, events: Numbers) {
        self.numbers = events;
    }

    fn run(&mut self) {
        for number in self.numbers.clone() {
            let mut texts = ([0_u8; 109], [0_u8; 85]);
            texts.0[..8].copy_from_slice(&number.to_le_bytes());
            texts.1[..8].copy_from_slice(&number.to_le_bytes());
            black_box((
                Sha256::digest(black_box(texts.0)),
                Sha256::digest(black_box(texts.1)),
            ));
        }
    }
}

/// One key of 16 bytes inserted into a sharded map, and updated.
pub(crate) struct Map {
    shards: Vec<Mutex<HashMap<[u8; 16], Record>>>,
    hasher: RandomState,
    keys: Vec<[u8; 16]>,
}

struct Record {
    done: bool,
    at: Instant,
}

impl Default for Map {
    fn default() -> Self {
        Map {
            shards: (0..64).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            keys: Vec::new(),
        }
    }
}

impl Way for Map {
    fn prepare(&mut self, events: Numbers) {
        self.keys = events
            .map(|number| (u128::from(number) << 64).to_ne_bytes())
            .collect();
    }

    fn run(&mut self) {
        for key in &self.keys {
            self.insert(key);
            self.update(key);
        }
    }
}

impl Map {
    fn shard(&self, key: &[u8; 16]) -> MutexGuard<'_, HashMap<[u8; 16], Record>> {
        let shard = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[shard].lock().expect("no panic")
    }

    fn insert(&self, key: &[u8; 16]) {
        let record = Record {
            done: false,
            at: Instant::now(),
        };
        assert!(self.shard(key).insert(*key, record).is_none());
    }

    fn update(&self, key: &[u8; 16]) {
        let mut shard = self.shard(key);
        let record = shard.get_mut(key).expect("it was inserted");
        record.done = true;
        record.at = Instant::now();
    }
}

/// The same under both keys: which event a delivery key stands for, in a map as large.
#[derive(Default)]
pub(crate) struct MapBoth {
    events: Map,
    deliveries: Map,
}

impl Way for MapBoth {
    fn prepare(&mut self, events: Numbers) {
        self.events.prepare(events.clone());
        self.deliveries.prepare(events);
    }

    fn run(&mut self) {
        for (event, delivery) in self.events.keys.iter().zip(&self.deliveries.keys) {
            self.deliveries.insert(delivery);
            self.events.insert(event);
            self.events.update(event);
        }
    }
}

/// A task of tokio that does nothing, and its end waited for.
pub(crate) struct Spawn {
    runtime: Runtime,
    count: Number,
}

impl Default for Spawn {
    fn default() -> Self {
        Spawn {
            runtime: runtime(),
            count: 0,
        }
    }
}

impl Way for Spawn {
    fn prepare(&mut self, events: Numbers) {
        self.count = events.end - events.start;
    }

    fn run(&mut self) {
        self.runtime.block_on(async {
            for number in 0..self.count {
                assert_eq!(
                    tokio::spawn(async move { black_box(number) }).await.ok(),
                    Some(number)
                );
            }
        });
    }
}
