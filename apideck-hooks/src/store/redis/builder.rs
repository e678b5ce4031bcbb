//! Choosing which Redis, and how.

use super::call::Form;
use super::link::{Acks, Link};
use super::queue::Queue;
use super::records::{Records, millis};
use super::server::{Address, Patience, Server};
use super::sweeper::Sweeper;
use super::tokens::Tokens;
use super::{RedisStore, health};
use crate::store::StoreError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Which Redis a [`RedisStore`] is on, and how it is used.
#[derive(Clone)]
pub struct RedisStoreBuilder {
    address: Address,
    prefix: String,
    retention: Duration,
    body_limit: usize,
    patience: Patience,
    acks: Option<Acks>,
}

/// Longer, and every key would be mostly that.
const LONGEST_PREFIX: usize = 255;

impl RedisStore {
    /// Connects to a Redis by its URL (`redis://user:password@host:port/database`), with the default settings.
    ///
    /// # Errors
    ///
    /// See [`RedisStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, StoreError> {
        RedisStore::builder(url).connect().await
    }

    /// A Redis by its URL, with settings of your own.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::One(url.into()))
    }

    /// The primary that Redis Sentinel names for a service (`mymaster` in its example): asked whenever a connection is made. The
    /// URLs are the sentinels'.
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

    /// A Redis Cluster, by the URLs of some of its servers; the others are found.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Address::Cluster(urls.into_iter().map(Into::into).collect()))
    }
}

impl RedisStoreBuilder {
    fn new(address: Address) -> Self {
        RedisStoreBuilder {
            address,
            prefix: "apideck-hooks".to_owned(),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            body_limit: 1024 * 1024,
            patience: Patience {
                connect: Duration::from_secs(2),
                call: Duration::from_secs(2),
            },
            acks: None,
        }
    }

    /// What all keys begin with, `apideck-hooks` by default, at most 255 bytes. Receivers that share a prefix share their
    /// records. In Redis Cluster, a prefix with a hash tag (`{…}`) puts everything on one server.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a record is kept after it was last changed, 7 days by default, at most 100 years.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// The largest body of an event that was set aside that is kept, in bytes; 1 MiB by default. An event with a larger
    /// one is set aside without it: its error says so, and it cannot be replayed.
    #[must_use]
    pub fn dead_letter_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How many replicas must have confirmed a claim, a renewal or an event that is set aside, and for how long they are
    /// waited for (at most half the [`call_timeout`](Self::call_timeout)): `WAIT` on the connection that has written. None by
    /// default.
    ///
    /// With too few in time, a claim is taken back and answered 503, and an event is not set aside. What was handled
    /// is recorded all the same, with a warning. It makes the loss of a claim in a failover less likely, not impossible:
    /// Redis does not promise to promote a replica that has confirmed.
    #[must_use]
    pub fn min_replicas_ack(mut self, replicas: u32, within: Duration) -> Self {
        self.acks = (replicas > 0).then_some(Acks { replicas, within });
        self
    }

    /// How long connecting may take, 2 seconds by default, Sentinel's answer and logging in included.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.patience.connect = limit;
        self
    }

    /// How long an answer is waited for, 2 seconds by default. After that the connection is given up: the next call
    /// makes another. Keep both time-outs together below the receiver's
    /// [`store_timeout`](crate::HooksBuilder::store_timeout), which also ends what takes more than one request.
    #[must_use]
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.patience.call = limit;
        self
    }

    /// With Sentinel: how to log in to the servers it names, as a URL (`redis://user:password@ignored/0`), whose host
    /// is ignored. The URLs given to [`RedisStore::sentinel`] are for the sentinels alone.
    #[must_use]
    pub fn node_url(mut self, url: impl Into<String>) -> Self {
        if let Address::Sentinel { node, .. } = &mut self.address {
            *node = Some(url.into());
        }
        self
    }

    /// Connects. From then on connections are made again whenever they break.
    ///
    /// # Errors
    ///
    /// A URL is not valid or wants TLS that was not compiled in; the prefix is too long; a time-out is zero; Redis is
    /// out of reach, older than 7.0, or a cluster where none was named.
    pub async fn connect(mut self) -> Result<RedisStore, StoreError> {
        if self.prefix.len() > LONGEST_PREFIX {
            return Err(StoreError::new("the prefix is over 255 bytes"));
        }
        for limit in [&mut self.patience.connect, &mut self.patience.call] {
            if limit.is_zero() {
                return Err(StoreError::new("a time-out is zero"));
            }
            *limit = (*limit).min(Duration::from_secs(60 * 60));
        }
        if let Some(acks) = &mut self.acks {
            acks.within = acks
                .within
                .min(self.patience.call / 2)
                // Zero would mean "for ever".
                .max(Duration::from_millis(1));
        }
        let cluster = matches!(self.address, Address::Cluster(_));
        let within = self.patience.call;
        let server = Server::new(self.address, self.patience).map_err(StoreError::new)?;
        let link = Link::new(server, self.acks);
        health::check(&link, within, cluster).await?;
        let tokens = if link.takes_many() {
            Some(Tokens::new(health::time(&link, within).await?))
        } else {
            None
        };
        let form = Form {
            prefix: self.prefix,
            retention: millis(self.retention),
        };
        let records = Arc::new(Records::new(Queue::new(link, form), self.body_limit, tokens));
        Ok(RedisStore {
            _sweeper: Sweeper::start(Arc::clone(&records)),
            records,
        })
    }
}

/// Not the address: it may hold a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
