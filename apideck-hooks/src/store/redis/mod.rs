//! The store for several processes that have a Redis already.

mod answer;
mod builder;
mod call;
mod claim;
mod dead;
mod health;
mod link;
mod queue;
mod records;
mod scripts;
mod server;
mod sweeper;
mod tokens;

pub use builder::RedisStoreBuilder;

use super::dead_letters::{Cursor, DeadLetterStore, DeadRecord};
use super::{Claim, Claimed, End, Held, Status, Store, StoreError, Token};
use crate::delivery::Key;
use async_trait::async_trait;
use records::Records;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use sweeper::Sweeper;

/// Remembers events in Redis 7.0 or later (or a server that speaks like it): stand-alone, with Sentinel, or Cluster.
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
/// - **A restart, crash or `kill -9` of the receiver**: an event that was running is claimable when its lease is over.
/// - **Several processes** on one Redis: each event is claimed by one of them.
/// - **A Redis that goes away and comes back**: calls fail meanwhile, which is answered `503`, and connections are made
///   again by themselves. A call whose answer was lost is sent again under the same mark, and gets the same answer.
/// - **A restart of Redis** as far as Redis itself does: with `appendonly yes` and `appendfsync always` all of it, with
///   `everysec` all but the last two seconds, even if only its process is killed. **Without either, what was handled since
///   the last snapshot is forgotten.**
///
/// # What it does not
///
/// - **A failover.** Redis replicates after it has answered, so the new primary may not know the last claims and ends: a claim
///   can be granted twice, and what was handled can be handled again if it is delivered again.
///   [`min_replicas_ack`](RedisStoreBuilder::min_replicas_ack) makes that rarer. Handlers must tolerate it, or use
///   PostgreSQL. Tokens are taken from the clock, so that an owner from before the failover cannot settle the claim of one
///   from after it.
/// - **Eviction.** Redis must have `maxmemory-policy noeviction`; connecting warns if not. A Redis that is full then grants no
///   claim (`503`), and still records how running events end.
/// - **A clock that is set.** Leases and retention go by the clock of the Redis server, as its keys' times to live do:
///   have it slewed, not set. A jump forward ends leases early, one back makes them last longer.
///
/// # Cost
///
/// One round trip to claim and one to finish an event that comes for the first time, each with a plain command or two; one for a
/// duplicate of what is done. All else is a Lua script: one round trip to renew or to release, and to claim what was there
/// before, another that has found that out. In a cluster, where the delivery key is on another server, and with
/// `min_replicas_ack`, everything is a script: two round trips to claim.
/// About 400 bytes an event with one delivery key. Setting an event aside takes three round trips and its body.
/// `min_replicas_ack` adds a round trip to the replicas to each.
///
/// Plain commands that come while two requests are under way go together, up to 64 events in one request: they share a round
/// trip and most of what a request costs. Each still has an answer of its own.
///
/// # Keys
///
/// | key | type | holds | kept |
/// | --- | --- | --- | --- |
/// | `PREFIX:r:KEY` | string | token, state (`r`un, `f`ree, `d`one), the time to live at which the lease ends, attempt, mark of the last call, delivery keys | the retention after the last change; running, a hundred leases longer, and done at once up to as much |
/// | `PREFIX:r:KEY` with a letter | hash | `s`tate, `t`oken, attempt `n`umber, the time to live at which the lease ends (`u`), `m`ark, `a`liases; `since`, `tries`, `source`, `type`, `id`, `error`, `body`, `cut` | as above |
/// | `PREFIX:a:KEY` | string | the record that a delivery key is bound to | the retention and a day |
/// | `PREFIX:dead` | sorted set | records that have a letter, by when they were set aside | swept |
///
/// A receiver that crashes just when it settles a record that Redis has lost leaves a string of 8 bytes in its place, which counts as no
/// record and is kept until the event comes again.
///
/// Scripts touch one key each. The commands that are used, for an ACL: `EVALSHA`, `EVAL`, `SET`, `BITFIELD`, `TIME`, `ZSCORE`,
/// `INFO`, `WAIT` with `min_replicas_ack`, and within scripts `TIME`, `GET`, `SET`, `HMGET`, `HSET`, `DEL`, `PTTL`, `PEXPIRE`,
/// `ZSCORE`, `ZADD`, `ZREM`, `ZREVRANGEBYSCORE`, `ZRANGEBYSCORE`.
///
/// # Dead letters
///
/// They live in their records and expire with them, a retention after the last change: **look at them in time**. A body over
/// [the limit](RedisStoreBuilder::dead_letter_body_limit) is not kept, and such a letter cannot be released or replayed,
/// only purged.
///
/// # TLS
///
/// `rediss://` URLs need TLS in the `redis` crate: depend on it with its feature `tokio-rustls-comp` (or
/// `tokio-native-tls-comp`).
pub struct RedisStore {
    records: Arc<Records>,
    _sweeper: Sweeper,
}

#[async_trait]
impl Store for RedisStore {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.records.claim(claim).await
    }

    async fn renew(&self, record: Key, token: Token, lease: Duration) -> Result<Held, StoreError> {
        self.records.renew(record, token, lease).await
    }

    async fn finish(&self, record: Key, token: Token, end: End) -> Result<Held, StoreError> {
        self.records.finish(record, token, end).await
    }

    async fn status(&self, record: Key) -> Result<Status, StoreError> {
        self.records.status(record).await
    }

    fn dead_letters(&self) -> Option<&dyn DeadLetterStore> {
        Some(self)
    }
}

#[async_trait]
impl DeadLetterStore for RedisStore {
    async fn list(&self, before: Option<Cursor>, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        self.records.letters(before, limit).await
    }

    async fn get(&self, record: Key) -> Result<Option<DeadRecord>, StoreError> {
        self.records.letter(record).await
    }

    async fn release(&self, record: Key) -> Result<bool, StoreError> {
        self.records.release_letter(record).await
    }

    async fn purge(&self, record: Key) -> Result<bool, StoreError> {
        self.records.purge_letter(record).await
    }
}

/// Not the address: it may hold a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.records.form().prefix)
            .finish_non_exhaustive()
    }
}
