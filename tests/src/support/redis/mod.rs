//! Keys of a test's own on a Redis server that tests share, and servers of a test's own.

pub mod cluster;
pub mod proxy;
pub mod server;

use crate::directory::Directory;
use crate::services::{REDIS, clean_up, free_port};
use apideck_hooks::store::{
    Claim, Claimed, DeadLetterStore, End, Grant, Held, Key, Status, Store, StoreError,
};
use apideck_hooks::{RedisStore, RedisStoreBuilder};
use async_trait::async_trait;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use server::{Server, can_start};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::sync::OnceCell;

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

/// The server that the tests of this process share. It keeps dead letters, and ends with the
/// process.
static DURABLE: OnceCell<(Server, Directory)> = OnceCell::const_new();

/// Moves the times of the records and aliases in KEYS by ARGV[1] microseconds, and deletes those
/// that have expired then. Letters keep their times, because those order the list. With '1' as
/// ARGV[2] the tokens move, too.
const MOVE: &str = "
    local facts = '>BI8c16BBI8I8I8I8I8I8I8I8'
    for _, key in ipairs(KEYS) do
      local by, left = tonumber(ARGV[1]), redis.call('PTTL', key)
      if redis.call('TYPE', key).ok == 'hash' then
        local fact = {struct.unpack(facts, redis.call('HGET', key, 'facts'))}
        -- The ends of the lease and of the rest, the first time and the expiry.
        for _, at in ipairs({7, 9, 11, 12}) do
          fact[at] = math.max(0, fact[at] + by)
        end
        if ARGV[2] == '1' then
          fact[2] = fact[2] + by
        end
        redis.call('HSET', key, 'facts', struct.pack(facts, unpack(fact)))
      end
      if left >= 0 then
        redis.call('PEXPIRE', key, math.floor(left + by / 1000))
      end
    end";

impl Isolated {
    /// A new prefix on a server that keeps dead letters. Returns `None`, after a report, if no
    /// server can be started.
    pub async fn new() -> Option<Self> {
        if !can_start() {
            return None;
        }
        let start = async || {
            let directory = Directory::default();
            (Server::durable(&directory, free_port()).await, directory)
        };
        let (server, _) = DURABLE.get_or_init(start).await;
        Some(Isolated {
            url: server.url(),
            prefix: prefix(),
        })
    }

    /// A new prefix on the server that is configured for tests. Returns `None`, after a report,
    /// without it.
    pub async fn shared() -> Option<Self> {
        let url = REDIS.url();
        if let Err(error) = client(&url).await {
            REDIS.is_unreachable(error);
            return None;
        }
        let prefix = prefix();
        Some(Isolated { url, prefix })
    }

    /// Makes all records and aliases older.
    pub async fn age(&self, time: Duration) {
        let keys = self.keys().await;
        let aged = |key: &String| key.contains(":record:") || key.contains(":alias:");
        let keys: Vec<_> = keys.into_iter().filter(aged).collect();
        let by = -(time.as_micros() as i64);
        move_times(&mut self.client().await, &keys, by, false).await;
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

/// Moves the times of the records and aliases under these names, and with `tokens` also the tokens.
pub async fn move_times(client: &mut MultiplexedConnection, keys: &[String], micros: i64, tokens: bool) {
    let mut call = redis::cmd("EVAL");
    call.arg(MOVE).arg(keys.len()).arg(keys);
    call.arg(micros).arg(u8::from(tokens));
    call.exec_async(client).await.expect("a script");
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
    /// A store that keeps dead letters.
    pub async fn new() -> Option<Self> {
        Some(Self::of(Isolated::new().await?).await)
    }

    /// A store on the server that is configured for tests.
    pub async fn shared() -> Option<Self> {
        Some(Self::of(Isolated::shared().await?).await)
    }

    async fn of(isolated: Isolated) -> Self {
        Cleaned {
            store: isolated.store().await,
            _isolated: isolated,
        }
    }
}

#[async_trait]
impl Store for Cleaned {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.store.claim(claim).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.store.renew(grant, lease).await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        self.store.finish(grant, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.store.status(record).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.store.end_rest(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.store.dead_letters()
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
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
