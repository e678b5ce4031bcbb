//! The store for several processes that have a Redis already.

mod builder;
mod claims;
mod facts;
mod fault;
mod keys;
mod letters;
mod link;
mod reply;
mod runs;
mod scripts;
mod server;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use builder::RedisStoreBuilder;

use super::contract::Store;
use super::dead_letters::DeadLetterStore;
use super::error::StoreError;
use super::values::{Claim, Claimed, End, Grant, Held, Status};
use crate::delivery::Key;
use runs::Records;

/// Remembers events in Redis 7.0 or later, or in a compatible server: stand-alone, with Sentinel,
/// or Cluster.
///
/// ```no_run
/// use apideck_hooks::RedisStore;
/// use std::time::Duration;
///
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://127.0.0.1/").await?;
///
/// let store = RedisStore::cluster(["redis://10.0.0.1/", "redis://10.0.0.2/"])
///     .prefix("billing")
///     .retention(Duration::from_secs(3 * 24 * 60 * 60))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it survives
///
/// - **A restart, crash or `kill -9` of the receiver.** A running event can be claimed when its
///   lease and its rest are over.
/// - **Several processes** on one Redis. Each event is claimed by one of them.
/// - **A Redis that goes away and comes back.** Calls fail meanwhile, and deliveries are answered
///   `503`.
/// - **A restart of Redis**, as far as Redis keeps its data. With `appendonly yes` and `appendfsync
///   always` nothing is lost, with `everysec` the last two seconds. Without `appendonly` everything
///   since the last snapshot is forgotten, and an event that is delivered again is handled again.
///
/// # What it does not survive
///
/// - **A failover.** Redis replicates after it has answered, so the new primary may not know the
///   last claims and ends. **A claim can then be granted twice, and a handled event can be handled
///   again.** [`min_replicas_ack`](RedisStoreBuilder::min_replicas_ack) makes this rarer. Handlers
///   must tolerate it, or use PostgreSQL. A later claim has a greater token, so an owner from
///   before the failover cannot end it.
/// - **Eviction.** Set `maxmemory-policy noeviction`. A full Redis grants no claim, and deliveries
///   are answered `503`. Running events still end.
/// - **A clock that jumps.** Leases, rests and retention follow the clock of the Redis server. A
///   jump ahead ends leases early.
///
/// # Dead letters
///
/// They are kept only where a crash of Redis loses none of them: with `noeviction` and `appendonly
/// yes`, and with `appendfsync always` or on Redis 7.2, where the store waits for the disk after
/// each (`WAITAOF`). A server that has replicas also needs
/// [`min_replicas_ack`](RedisStoreBuilder::min_replicas_ack). The store reads these settings with
/// `CONFIG GET` and `INFO` when it connects and before each letter. A provider that forbids
/// `CONFIG` needs Redis 7.2. Elsewhere the store keeps no dead letters, logs what to change, and
/// behaves as the memory store does. If the settings change later, a dead letter has no room, and
/// its event is answered `503`.
///
/// # Cost
///
/// One round trip for each operation. A claim with a delivery key takes one or two more to read it,
/// and one to bind it. A dead letter takes five. About 500 bytes an event with one delivery key.
///
/// # Keys
///
/// - `PREFIX:record:KEY`, a hash: the record and its dead letter. It is kept for the retention
///   after the last change, and with a dead letter until that is handled or purged.
/// - `PREFIX:alias:KEY`, a string: the record and the claim to which a delivery key is bound. It is
///   kept a day longer than its record.
/// - `PREFIX:letters:SOURCE`, a sorted set: the records with a dead letter, by its time.
/// - `PREFIX:sources`, a set: the sources that had a dead letter. It is always kept.
/// - `PREFIX:format`, a string: `3`, the version of this format. It is always kept.
///
/// A script uses one key. For an ACL: the store uses `EVALSHA`, `EVAL`, `GET`, `SET`, `PEXPIRE`,
/// `EXISTS`, `SCAN`, `HEXISTS`, `SADD`, `SMEMBERS`, `ZREVRANGEBYSCORE`, `INFO`, `CONFIG GET`,
/// `WAIT` and `WAITAOF`, and in scripts also `TIME`, `HMGET`, `HGET`, `HSET`, `HDEL`, `DEL`,
/// `PERSIST`, `PEXPIRE`, `PEXPIREAT`, `PTTL`, `ZSCORE`, `ZCARD`, `ZREVRANGE`, `ZADD` and `ZREM`.
///
/// # TLS
///
/// `rediss://` URLs need TLS in the `redis` crate: depend on it with its feature
/// `tokio-rustls-comp` or `tokio-native-tls-comp`.
pub struct RedisStore {
    records: Records,
}

#[async_trait]
impl Store for RedisStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.records.claim(claim).await
    }

    async fn renew(&self, grant: Grant, lease: Duration) -> Result<Held, StoreError> {
        self.records.renew(grant, lease).await
    }

    async fn finish(&self, grant: Grant, end: End) -> Result<Held, StoreError> {
        self.records.finish(grant, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.records.status(record).await
    }

    async fn end_rest(&self, record: Key) -> Result<bool, StoreError> {
        self.records.end_rest(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        self.records.link.keeps_letters().then_some(self)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// Prints the prefix, because the address can hold a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.records.keys.prefix)
            .finish_non_exhaustive()
    }
}
