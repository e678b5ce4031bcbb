//! Keys of a test's own on the Redis server that all tests share, and servers of a test's own.

pub mod cluster;
pub mod proxy;
pub mod server;

use crate::services::{REDIS, clean_up};
use apideck_hooks::store::{
    Claim, Claimed, DeadLetterStore, End, Held, Key, Status, Store, StoreError, Token,
};
use apideck_hooks::{RedisStore, RedisStoreBuilder};
use async_trait::async_trait;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A timeout that even a busy machine does not reach.
const PATIENCE: Duration = Duration::from_secs(120);

/// A new prefix.
pub fn prefix() -> String {
    format!("apideck-hooks-test:{:016x}", RandomState::new().hash_one(0))
}

/// Connects for the commands of a test.
pub async fn client(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = redis::Client::open(url)?;
    client
        .get_multiplexed_async_connection_with_config(&patient)
        .await
}

/// A prefix of a test's own. Its keys are deleted when this is dropped.
pub struct Isolated {
    pub url: String,
    pub prefix: String,
}

impl Isolated {
    /// A new prefix. Returns `None`, after a report, without a server.
    pub async fn new() -> Option<Self> {
        let url = REDIS.url();
        if let Err(error) = client(&url).await {
            REDIS.is_unreachable(error);
            return None;
        }
        let prefix = prefix();
        Some(Isolated { url, prefix })
    }

    /// A builder for a store under the prefix, with timeouts that even a busy machine does not
    /// reach.
    pub fn builder(&self) -> RedisStoreBuilder {
        let builder = RedisStore::builder(&self.url).prefix(&self.prefix);
        builder.call_timeout(PATIENCE).connect_timeout(PATIENCE)
    }

    pub async fn store(&self) -> RedisStore {
        self.builder().connect().await.expect("Redis")
    }

    pub async fn client(&self) -> MultiplexedConnection {
        client(&self.url).await.expect("Redis")
    }

    /// The existing keys.
    pub async fn keys(&self) -> Vec<String> {
        let mut client = self.client().await;
        let mut keys = scan(&self.prefix).iter_async(&mut client).await.expect("keys");
        let mut found = Vec::new();
        while let Some(key) = keys.next_item().await {
            found.push(key.expect("a key"));
        }
        found
    }
}

/// The command that lists the keys under a prefix. `KEYS` would block a server that others use.
fn scan(prefix: &str) -> redis::Cmd {
    let mut scan = redis::cmd("SCAN");
    scan.cursor_arg(0);
    scan.arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(1000);
    scan
}

/// A store that owns its keys.
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

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.store.dead_letters()
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        let delete = || {
            let mut connection = redis::Client::open(&*self.url)?.get_connection_with_timeout(PATIENCE)?;
            let keys = scan(&self.prefix).iter(&mut connection)?;
            let keys: Vec<String> = keys.collect::<redis::RedisResult<_>>()?;
            for keys in keys.chunks(500) {
                redis::cmd("UNLINK").arg(keys).exec(&mut connection)?;
            }
            redis::RedisResult::Ok(())
        };
        // The signal of a child process that ends can interrupt the read and fail an attempt.
        clean_up(&self.prefix, delete);
    }
}
