//! The Redis store.
#![cfg(unix)]

mod aliases;
mod clocks;
mod cluster;
mod connecting;
mod dead_letters;
mod deliveries;
mod faults;
mod formats;
mod full;
mod losses;
mod outages;
mod processes;
mod replicas;

use apideck_hooks::store::{Claim, Claimed, DeadLetter, End, Grant, Held, Key, Store, Verdict};
use apideck_hooks::{HooksBuilder, RedisStore, RedisStoreBuilder, Rest, Routes, store_conformance};
use apideck_hooks_tests::probe::Probe;
use apideck_hooks_tests::redis::proxy::Proxy;
use apideck_hooks_tests::redis::server::Server;
use apideck_hooks_tests::redis::{Cleaned, Isolated};
use apideck_hooks_tests::waiting::until;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

// The server that is configured for tests, which need not keep dead letters. The suite on a server
// that keeps them is in `stores`.
store_conformance!(configured, async { Cleaned::shared().await });

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

const SOURCE: &str = "source";

fn claim_of(event: Key, alias: Option<Key>) -> Claim {
    let mut claim = Claim::new(event, LONG);
    claim.alias = alias;
    claim
}

async fn claim(store: &RedisStore, event: Key, alias: Option<Key>) -> Claimed {
    store.claim(claim_of(event, alias)).await.expect("a claim")
}

async fn verdict(store: &RedisStore, event: Key) -> Verdict {
    claim(store, event, None).await.verdict
}

/// Makes a claim that must be granted. Returns also the number of the attempt.
async fn granted(store: &RedisStore, claim: Claim) -> (Grant, u32) {
    let claimed = store.claim(claim.clone()).await.expect("a claim");
    grant_of(&claim, claimed)
}

async fn run(store: &RedisStore, event: Key) -> Grant {
    granted(store, claim_of(event, None)).await.0
}

fn grant_of(claim: &Claim, claimed: Claimed) -> (Grant, u32) {
    match claimed.verdict {
        Verdict::Granted { token, attempt } => (Grant::new(claimed.record, token, claim.id), attempt),
        _ => panic!("{claimed:?}"),
    }
}

async fn done(store: &RedisStore, event: Key) {
    let grant = run(store, event).await;
    assert_eq!(store.finish(grant, End::Done).await.unwrap(), Held::Yes);
}

const RELEASE: End = End::Release { rest: Duration::ZERO };

fn letter(body: &str) -> DeadLetter {
    DeadLetter::new(SOURCE, body.to_owned())
        .event("vault.connection.created", "e1", "entity", "consumer")
        .error("no use")
}

fn dead(body: &str) -> End {
    End::Dead {
        letter: Box::new(letter(body)),
        began: true,
    }
}

async fn dead_letter(store: &RedisStore, body: &str) -> Key {
    let event = key();
    let grant = run(store, event).await;
    assert_eq!(store.finish(grant, dead(body)).await.unwrap(), Held::Yes);
    event
}

/// A receiver with generous limits and without rests.
fn patient(probe: &Probe, store: RedisStore) -> HooksBuilder<impl Routes<Probe>, Probe> {
    probe
        .patient_hooks()
        .store(store)
        .source("tests")
        .rest(Rest::None)
}

async fn run_command(server: &Server, command: &[&str]) {
    let (name, arguments) = command.split_first().unwrap();
    redis::cmd(name)
        .arg(arguments)
        .exec_async(&mut server.client().await)
        .await
        .unwrap();
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
            Some(store) => store.claim(Claim::new(key(), LONG)).await.is_ok(),
            None => false,
        }
    })
    .await;
    store.expect("a store")
}
