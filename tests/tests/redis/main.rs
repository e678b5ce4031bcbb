//! The Redis store.
#![cfg(unix)]

mod aliases;
mod batches;
mod clocks;
mod cluster;
mod dead_letters;
mod deliveries;
mod faults;
mod losses;
mod outages;
mod processes;
mod replicas;
mod settling;

use apideck_hooks::store::{Claim, Claimed, End, Held, Key, Store, Token, Verdict};
use apideck_hooks::{RedisStore, RedisStoreBuilder};
use apideck_hooks_tests::redis::Isolated;
use apideck_hooks_tests::redis::proxy::Proxy;
use apideck_hooks_tests::redis::server::Server;
use apideck_hooks_tests::waiting::until;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

/// A timeout that even a busy machine does not reach.
const PATIENCE: Duration = Duration::from_secs(120);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A new key.
fn key() -> Key {
    let half = || RandomState::new().hash_one(0).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    Key::from_bytes(bytes)
}

async fn claim(store: &RedisStore, event: Key, delivery: Option<Key>, lease: Duration) -> Claimed {
    store
        .claim(Claim::new(event, delivery, lease))
        .await
        .expect("a claim")
}

async fn granted(store: &RedisStore, event: Key, lease: Duration) -> (Token, u32) {
    token_of(claim(store, event, None, lease).await)
}

fn token_of(claimed: Claimed) -> (Token, u32) {
    match claimed.verdict {
        Verdict::Granted { token, attempt } => (token, attempt),
        _ => panic!("{claimed:?}"),
    }
}

async fn done(store: &RedisStore, event: Key) {
    let (token, _) = granted(store, event, LONG).await;
    assert_eq!(store.finish(event, token, End::Done).await.unwrap(), Held::Yes);
}

fn record_name(isolated: &Isolated, record: Key) -> String {
    format!("{}:r:{record}", isolated.prefix)
}

async fn get_record(isolated: &Isolated, record: Key) -> Option<Vec<u8>> {
    let mut get = redis::cmd("GET");
    get.arg(record_name(isolated, record));
    get.query_async(&mut isolated.client().await).await.unwrap()
}

async fn set_record(isolated: &Isolated, record: Key, value: &[u8]) {
    let mut set = redis::cmd("SET");
    set.arg(record_name(isolated, record)).arg(value).arg("KEEPTTL");
    set.exec_async(&mut isolated.client().await).await.unwrap();
}

/// Overwrites the token of a record without a dead letter.
async fn set_token(isolated: &Isolated, record: Key, token: u64) {
    let mut value = get_record(isolated, record).await.unwrap();
    if value[8] == b'r' {
        value[..8].copy_from_slice(&token.to_be_bytes());
    }
    value[9..25].copy_from_slice(format!("{token:016}").as_bytes());
    set_record(isolated, record, &value).await;
}

/// A store on a server of the test's own.
async fn store_on(server: &Server) -> RedisStore {
    let builder = RedisStore::builder(server.url()).call_timeout(PATIENCE);
    builder.connect_timeout(PATIENCE).connect().await.unwrap()
}

/// A store behind a proxy.
async fn proxied(isolated: &Isolated) -> (Proxy, RedisStoreBuilder) {
    let address = redis::Client::open(&*isolated.url).unwrap();
    let proxy = Proxy::start(address.get_connection_info().addr().to_string()).await;
    let mut url = redis::parse_redis_url(&isolated.url).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.addr.port())).unwrap();
    let builder = RedisStore::builder(url)
        .prefix(&isolated.prefix)
        .call_timeout(PATIENCE)
        .connect_timeout(PATIENCE);
    (proxy, builder)
}

/// Connects with short timeouts as soon as the machine is quick enough.
async fn connected(builder: &RedisStoreBuilder) -> RedisStore {
    let mut store = None;
    until("a store responds", async || {
        store = builder.clone().connect().await.ok();
        match &store {
            Some(store) => store.claim(Claim::new(key(), None, LONG)).await.is_ok(),
            None => false,
        }
    })
    .await;
    store.expect("a store")
}

/// Makes all records older by a lease. The store derives the end of a lease from the time to live
/// of its key.
async fn end_leases(isolated: &Isolated, lease: Duration) {
    let mut client = isolated.client().await;
    for name in isolated.keys().await {
        if !name.contains(":r:") {
            continue;
        }
        let left: i64 = redis::cmd("PTTL")
            .arg(&name)
            .query_async(&mut client)
            .await
            .unwrap();
        redis::cmd("PEXPIRE")
            .arg(&name)
            .arg(left - lease.as_millis() as i64)
            .exec_async(&mut client)
            .await
            .unwrap();
    }
}
