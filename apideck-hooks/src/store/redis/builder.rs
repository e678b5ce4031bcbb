//! The settings of a Redis store.

use std::fmt;
use std::time::Duration;

use ::redis::Value;

use super::RedisStore;
use super::keys::{FORMAT, KeyNames};
use super::link::{Acks, Link};
use super::reply::read;
use super::runs::Records;
use super::scripts::{RedisCall, micros};
use super::server::{Address, Server, Timeouts};
use crate::store::StoreError;

/// The address and the settings of a [`RedisStore`].
#[derive(Clone)]
pub struct RedisStoreBuilder {
    address: Address,
    prefix: String,
    retention: Duration,
    max_dead_letters: u64,
    timeouts: Timeouts,
    acks: Option<Acks>,
}

const MAX_PREFIX: usize = 255;
const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Number of keys among which version 1 is searched, and number that one `SCAN` looks at.
const SEARCHED: [usize; 2] = [1_000_000, 10_000];

impl RedisStore {
    /// Connects to a Redis by its URL (`redis://user:password@host:port/database`), with the
    /// default settings.
    ///
    /// # Errors
    ///
    /// See [`RedisStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Starts a store on the Redis with this URL.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::One(url.into()))
    }

    /// Starts a store on the primary that Redis Sentinel names for a service, for example
    /// `mymaster`.
    ///
    /// The URLs are those of the sentinels. Sentinel is asked for each new connection.
    pub fn sentinel<U: Into<String>>(
        urls: impl IntoIterator<Item = U>,
        service: impl Into<String>,
    ) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::Sentinel {
            sentinels: urls.into_iter().map(Into::into).collect(),
            service: service.into(),
            node: None,
        })
    }

    /// Starts a store on a Redis Cluster, by the URLs of some of its servers.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::Cluster(urls.into_iter().map(Into::into).collect()))
    }
}

impl RedisStoreBuilder {
    fn new(address: Address) -> Self {
        Self {
            address,
            prefix: "apideck-hooks".to_owned(),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            max_dead_letters: 100_000,
            timeouts: Timeouts {
                connect: Duration::from_secs(2),
                call: Duration::from_secs(2),
            },
            acks: None,
        }
    }

    /// Sets the first part of all keys, at most 255 bytes. The default is `apideck-hooks`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the time for which a record without a dead letter is kept after its last change. The
    /// default is 7 days.
    ///
    /// Choose more than 28 hours. Apideck's retries can take 27 hours and 48 minutes (source: the
    /// pauses of the webhook guide, which also says "within 24 hours"). With a shorter retention,
    /// an event can run again.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the number of dead letters of a source above which no more are kept. The default is
    /// 100,000. It is an estimate, and letters that are written at the same time can pass it.
    ///
    /// Further failed events are answered `503`.
    #[must_use]
    pub fn max_dead_letters(mut self, letters: u64) -> Self {
        self.max_dead_letters = letters;
        self
    }

    /// Sets the number of replicas that must acknowledge each claim, end and dead letter (`WAIT`),
    /// and the time that they have, at most half the [`call_timeout`](Self::call_timeout). The
    /// default is none.
    ///
    /// With too few of them in time the call fails, and the delivery is answered `503`. This makes
    /// the loss of a write in a failover less likely and not impossible, because Redis can
    /// promote another replica. Dead letters of a server that has replicas are kept only with
    /// this setting.
    #[must_use]
    pub fn min_replicas_ack(mut self, replicas: u32, within: Duration) -> Self {
        self.acks = (replicas > 0).then_some(Acks { replicas, within });
        self
    }

    /// Sets the time limit of an attempt to connect, Sentinel and the login included. The default
    /// is 2 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.timeouts.connect = limit;
        self
    }

    /// Sets the time limit of each request. The default is 2 seconds. A connection without an
    /// answer is replaced after that.
    ///
    /// Keep both limits together below the receiver's
    /// [`store_timeout`](crate::HooksBuilder::store_timeout), because a claim takes up to three
    /// requests.
    #[must_use]
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.timeouts.call = limit;
        self
    }

    /// Sets the login of the servers that Sentinel names, as a URL
    /// (`redis://user:password@ignored/0`) whose host is not used. The URLs of
    /// [`RedisStore::sentinel`] are those of the sentinels.
    #[must_use]
    pub fn node_url(mut self, url: impl Into<String>) -> Self {
        if let Address::Sentinel { node, .. } = &mut self.address {
            *node = Some(url.into());
        }
        self
    }

    /// Connects and checks the server. Broken connections are replaced from then on.
    ///
    /// # Errors
    ///
    /// - A URL is invalid, or needs TLS that is not compiled in.
    /// - The prefix is too long, or a time limit is zero.
    /// - The server is out of reach, older than Redis 7.0, or a cluster that was not expected.
    /// - The user may not run scripts.
    /// - The keys under the prefix have another format.
    pub async fn connect(mut self) -> Result<RedisStore, StoreError> {
        if self.prefix.len() > MAX_PREFIX {
            return Err(StoreError::new("the prefix is longer than 255 bytes"));
        }
        for limit in [&mut self.timeouts.connect, &mut self.timeouts.call] {
            if limit.is_zero() {
                return Err(StoreError::new("a time limit is zero"));
            }
            *limit = (*limit).min(MAX_TIMEOUT);
        }
        if let Some(acks) = &mut self.acks {
            // A `WAIT` of zero would wait without a limit.
            acks.within = acks
                .within
                .min(self.timeouts.call / 2)
                .max(Duration::from_millis(1));
        }
        let server = Server::new(self.address, self.timeouts).map_err(StoreError::new)?;
        let records = Records {
            link: Link::new(server, self.acks),
            keys: KeyNames { prefix: self.prefix },
            retention: micros(self.retention),
            max_dead_letters: self.max_dead_letters,
        };
        records.link.check().await?;
        records.check_format().await?;
        records.try_out().await?;
        Ok(RedisStore { records })
    }
}

impl Records {
    /// Checks the format of the keys under the prefix, and marks unused keys.
    async fn check_format(&self) -> Result<(), StoreError> {
        let name = self.keys.format();
        let format: Option<String> = read(self.link.call(RedisCall::command("GET", name.clone())).await?)?;
        let prefix = &self.keys.prefix;
        match format.map(|format| format.parse()) {
            Some(Ok(FORMAT)) => return Ok(()),
            Some(Ok(format)) if format > FORMAT => {
                return Err(StoreError::new(format!(
                    "a newer release wrote the keys under `{prefix}` (format {format}, this release knows \
                     {FORMAT}): upgrade this program, or set another prefix"
                )));
            }
            Some(Ok(format)) => return Err(self.unpublished(format)),
            Some(Err(_)) => {
                return Err(StoreError::new(format!(
                    "the key `{prefix}:format` is not a format"
                )));
            }
            None => {}
        }
        if self.has_version_1().await? {
            return Err(self.unpublished(1));
        }
        self.link
            .call(RedisCall::command("SET", name).arg(FORMAT).arg("NX"))
            .await?;
        Ok(())
    }

    fn unpublished(&self, format: u32) -> StoreError {
        StoreError::new(format!(
            "an unpublished release wrote the keys under `{}` (format {format}): delete them, or set another \
             prefix",
            self.keys.prefix
        ))
    }

    /// Looks for keys of version 1. In a cluster only for its dead letters, because `SCAN` sees one
    /// server. A record that is not found is never read, because the names differ.
    async fn has_version_1(&self) -> Result<bool, StoreError> {
        let letters = self
            .link
            .call(RedisCall::command("EXISTS", self.keys.old_letters()))
            .await?;
        if letters != Value::Int(0) {
            return Ok(true);
        }
        if self.link.is_cluster() {
            return Ok(false);
        }
        let mut cursor = b"0".to_vec();
        for _ in 0..SEARCHED[0] / SEARCHED[1] {
            let scan = RedisCall::command("SCAN", cursor)
                .arg("MATCH")
                .arg(self.keys.old_records());
            let page = self.link.call(scan.arg("COUNT").arg(SEARCHED[1])).await?;
            let (next, found): (Vec<u8>, Vec<Value>) = read(page)?;
            if !found.is_empty() {
                return Ok(true);
            }
            if next == b"0" {
                break;
            }
            cursor = next;
        }
        Ok(false)
    }
}

/// Prints the prefix and the retention, because the address can hold a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
