//! Redis for tests: the one that runs, and servers of a test's own.

pub mod cluster;
pub mod proxy;
pub mod server;

use crate::services::skip;
use apideck_hooks::store::{Claim, Claimed, DeadLetters, End, Held, Key, Status, Store, StoreError, Token};
use apideck_hooks::{RedisStore, RedisStoreBuilder};
use async_trait::async_trait;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const DEFAULT_URL: &str = "redis://127.0.0.1:6379/";

/// A prefix that nobody else has.
pub fn prefix() -> String {
    format!("apideck-hooks-tests:{:016x}", RandomState::new().hash_one(0))
}

/// The Redis that `REDIS_URL` names, or the one on this machine's usual port; none, and said so, if there is none.
pub async fn url() -> Option<String> {
    if let Ok(url) = std::env::var("REDIS_URL") {
        return Some(url);
    }
    if client(DEFAULT_URL).await.is_some() {
        return Some(DEFAULT_URL.to_owned());
    }
    skip("Redis");
    None
}

/// A connection to look around with.
pub async fn client(url: &str) -> Option<MultiplexedConnection> {
    let client = redis::Client::open(url).ok()?;
    // The server may be busy with other tests.
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(30)))
        .set_response_timeout(Some(Duration::from_secs(30)));
    let client = client.get_multiplexed_async_connection_with_config(&patient);
    client.await.ok()
}

/// A store under a prefix of its own, whose keys go when this is dropped.
pub struct Isolated {
    pub url: String,
    pub prefix: String,
}

impl Isolated {
    pub async fn new() -> Option<Self> {
        Some(Isolated {
            url: url().await?,
            prefix: prefix(),
        })
    }

    /// Patient: the server may be busy with other tests.
    pub fn builder(&self) -> RedisStoreBuilder {
        let builder = RedisStore::builder(&self.url).prefix(&self.prefix);
        builder
            .call_timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(30))
    }

    pub async fn store(&self) -> RedisStore {
        self.builder().connect().await.expect("Redis")
    }

    pub async fn client(&self) -> MultiplexedConnection {
        client(&self.url).await.expect("Redis")
    }

    /// The keys that were written.
    pub async fn keys(&self) -> Vec<String> {
        let mut client = self.client().await;
        redis::cmd("KEYS")
            .arg(format!("{}*", self.prefix))
            .query_async(&mut client)
            .await
            .expect("keys")
    }
}

/// A store that takes its keys with it.
pub struct Cleaned {
    store: RedisStore,
    _isolated: Isolated,
}

impl Cleaned {
    pub async fn new() -> Option<Self> {
        let isolated = Isolated::new().await?;
        Some(Cleaned {
            store: isolated.store().await,
            _isolated: isolated,
        })
    }
}

#[async_trait]
impl Store for Cleaned {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.store.claim(claim).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.store.renew(record, token, lease).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        self.store.finish(record, token, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.store.status(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetters> {
        self.store.dead_letters()
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        let Ok(client) = redis::Client::open(&*self.url) else {
            return;
        };
        let Ok(mut connection) = client.get_connection_with_timeout(Duration::from_secs(30)) else {
            return;
        };
        let keys: redis::RedisResult<Vec<Vec<u8>>> = redis::cmd("KEYS")
            .arg(format!("{}*", self.prefix))
            .query(&mut connection);
        let Ok(keys) = keys.inspect_err(|error| eprintln!("{} is left over: {error}", self.prefix)) else {
            return;
        };
        for keys in keys.chunks(500) {
            if let Err(error) = redis::cmd("UNLINK").arg(keys).exec(&mut connection) {
                eprintln!("{} is left over: {error}", self.prefix);
            }
        }
    }
}
