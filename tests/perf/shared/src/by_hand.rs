//! Code as a user would write it without this project.

use apideck_hooks::store::Key;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// The body of a connection event, with the same fields as this project's payload.
#[derive(Deserialize)]
pub struct Envelope {
    /// The event.
    pub payload: Payload,
}

/// An event with strings of its own.
#[derive(Deserialize)]
#[expect(dead_code, reason = "a handler would read them")]
pub struct Payload {
    event_id: String,
    /// Selects the handler.
    pub event_type: EventType,
    service_id: String,
    entity_id: String,
    entity_type: String,
    entity: Connection,
    execution_attempt: u32,
    occurred_at: jiff::Timestamp,
    migrated_from: Option<String>,
}

/// The events that the receiver handles. Only the first is sent.
#[derive(Deserialize)]
pub enum EventType {
    #[serde(rename = "vault.connection.created")]
    Created,
    #[serde(rename = "vault.connection.updated")]
    Updated,
    #[serde(rename = "vault.connection.callable")]
    Callable,
    #[serde(rename = "vault.connection.deleted")]
    Deleted,
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
    auth_type: AuthType,
    enabled: bool,
    state: ConnectionState,
    health: Option<String>,
    settings: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    created_at: jiff::Timestamp,
    updated_at: Option<jiff::Timestamp>,
    credentials_expire_at: Option<jiff::Timestamp>,
    last_refresh_failed_at: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum AuthType {
    Oauth2,
    ApiKey,
    Basic,
    Custom,
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConnectionState {
    Available,
    Callable,
    Added,
    Authorized,
    Invalid,
}

/// 64 maps from a key to a record, each behind its own lock.
pub struct ShardedMap<R>([Mutex<HashMap<Key, R>>; 64]);

impl<R> Default for ShardedMap<R> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<R> ShardedMap<R> {
    /// Inserts the record of a new key.
    pub fn insert(&self, key: Key, record: R) {
        assert!(self.shard(key).insert(key, record).is_none());
    }

    /// Inserts the record of a new key, and updates it.
    pub fn remember(&self, key: Key, record: R, update: impl FnOnce(&mut R)) {
        self.insert(key, record);
        self.shard(key).get_mut(&key).map(update).expect("its record");
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, HashMap<Key, R>> {
        // The key is a hash already.
        let shard = &self.0[usize::from(key.to_bytes()[0]) % 64];
        shard.lock().expect("no panic")
    }
}
