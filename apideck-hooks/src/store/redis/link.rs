//! The way to Redis: connections that are replaced when they fail, and calls that end.
//!
//! # How it works
//!
//! A slot holds a connection that all calls share, or the attempt to make one. All calls that come
//! during the attempt wait for it and share its error. The crate's `ConnectionManager` is not used,
//! because it keeps a connection on which answers no longer come, and knows neither Sentinel nor
//! Cluster.
//!
//! A call whose connection broke is sent again once. This is safe because each operation that is
//! sent again has the same result. A call that timed out is not, because its time is over.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::facts::{Durability, ServerFacts};
use super::fault::CallFault;
use super::scripts::RedisCall;
use super::server::{Server, SharedConnection};

/// The number of replicas that must acknowledge a write, and the time that they have.
#[derive(Clone, Copy)]
pub(super) struct Acks {
    pub(super) replicas: u32,
    pub(super) within: Duration,
}

/// The acknowledgement that a call needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirm {
    Nothing,
    /// Enough replicas have the write.
    Replicas,
    /// Enough replicas have the write, and it is on disk.
    Disk,
}

/// The value of a call.
pub(super) struct CallReply {
    pub(super) value: Value,
    /// `true` if the write got its acknowledgement.
    pub(super) confirmed: bool,
}

pub(super) struct Link {
    shared: Arc<LinkParts>,
    /// The last one is for letters, because a `WAITAOF` takes long.
    slots: Box<[ConnectionSlot]>,
    next: AtomicUsize,
}

/// The part of a link that the attempt to connect needs.
struct LinkParts {
    server: Server,
    acks: Option<Acks>,
    durability: AtomicU8,
    keeps_letters: AtomicBool,
}

type Connecting = Shared<BoxFuture<'static, Result<SharedConnection, CallFault>>>;

/// The connection and its number. A call that saw a connection fail must not replace the next one.
struct ConnectionSlot(Mutex<(u64, Connecting)>);

/// `WAIT` blocks all that comes after it on its connection.
const SLOTS_FOR_ACKS: usize = 4;
/// A call that was dropped sooner does not tell that its connection failed.
const SLOW: Duration = Duration::from_millis(100);
const UNKNOWN: u8 = u8::MAX;

impl Link {
    pub(super) fn new(server: Server, acks: Option<Acks>) -> Self {
        let shared = Arc::new(LinkParts {
            server,
            acks,
            durability: AtomicU8::new(UNKNOWN),
            keeps_letters: AtomicBool::new(false),
        });
        let slots = if acks.is_some() { SLOTS_FOR_ACKS } else { 1 } + 1;
        Self {
            slots: (0..slots)
                .map(|_| ConnectionSlot(Mutex::new((0, shared.connecting()))))
                .collect(),
            shared,
            next: AtomicUsize::new(0),
        }
    }

    /// Checks all servers. Fails if one is out of reach or cannot be used.
    pub(super) async fn check(&self) -> Result<(), CallFault> {
        let slot = &self.slots[0];
        let (number, connecting) = slot.get();
        let checked = async { self.shared.check(&mut connecting.await?).await }.await;
        if checked.is_err() {
            slot.replace(number, &self.shared);
        }
        checked
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.shared.server.is_cluster()
    }

    /// Tells if the store keeps letters. A store that has kept them does not stop, because a
    /// receiver acts on it before it ends a run. A letter has no room while a server could lose
    /// it.
    pub(super) fn keeps_letters(&self) -> bool {
        self.shared.keeps_letters.load(Ordering::Relaxed)
    }

    /// Checks that the server which has the key does not lose letters. It is checked before each,
    /// because the cluster client does not tell when it has connected to another server.
    pub(super) async fn check_letters(&self, key: &[u8]) -> Result<bool, CallFault> {
        let values = self
            .exchange(key, &ServerFacts::questions(), self.slots.len() - 1)
            .await?;
        let [info, config] = <[Value; 2]>::try_from(values).map_err(|_| super::reply::unexpected_fault())?;
        Ok(self.shared.judge(&[ServerFacts::read(info, config)]) != Durability::None)
    }

    /// Makes a call, and makes it again with the text of its script if the server does not know it.
    pub(super) async fn call(&self, call: RedisCall) -> Result<Value, CallFault> {
        Ok(self.call_confirmed(call, Confirm::Nothing).await?.value)
    }

    pub(super) async fn call_confirmed(
        &self,
        mut call: RedisCall,
        confirm: Confirm,
    ) -> Result<CallReply, CallFault> {
        let slot = match confirm {
            Confirm::Disk => self.slots.len() - 1,
            _ => self.next.fetch_add(1, Ordering::Relaxed) % (self.slots.len() - 1),
        };
        let waits = self.shared.waits(confirm);
        loop {
            let mut commands = vec![std::mem::take(&mut call.command)];
            commands.extend_from_slice(&waits);
            let values = self.exchange(&call.key, &commands, slot).await;
            let values = values.and_then(|values| Ok(errors_out(values)?));
            call.command = commands.swap_remove(0);
            match values {
                Err(fault) if fault.code() == Some("NOSCRIPT") && call.in_full() => {}
                Err(fault) => return Err(fault),
                Ok(values) => {
                    let mut values = values.into_iter();
                    let value = values.next().unwrap_or(Value::Nil);
                    let confirmed = self.shared.is_confirmed(values);
                    return Ok(CallReply { value, confirmed });
                }
            }
        }
    }

    /// Sends the commands to the server that has the key. An error of the server is a value.
    async fn exchange(&self, key: &[u8], commands: &[Cmd], slot: usize) -> Result<Vec<Value>, CallFault> {
        // A guard that is dropped outside of a runtime calls all the same.
        Handle::try_current().map_err(|error| RedisError::from(io::Error::other(error)))?;
        let slot = &self.slots[slot];
        let mut repeats = true;
        loop {
            let (number, connecting) = slot.get();
            let watch = Watch {
                slot,
                number,
                shared: &self.shared,
                since: Instant::now(),
                armed: true,
            };
            let mut connected = false;
            let result = match connecting.await {
                Ok(mut connection) => {
                    connected = true;
                    connection.send(key, commands).await.map_err(CallFault::from)
                }
                Err(fault) => Err(fault),
            };
            watch.disarm();
            let remedy = match &result {
                Err(CallFault::Redis(error)) => Remedy::of(error),
                Err(CallFault::Refused(_)) => Remedy::Replace,
                Ok(values) => match values.first() {
                    // The server became a replica.
                    Some(Value::ServerError(error)) if error.kind() == Some(ServerErrorKind::ReadOnly) => {
                        Remedy::ReplaceAndRepeat
                    }
                    _ => Remedy::None,
                },
            };
            if !matches!(remedy, Remedy::None) || !connected {
                slot.replace(number, &self.shared);
            }
            if !(matches!(remedy, Remedy::ReplaceAndRepeat) && connected && repeats) {
                return result;
            }
            repeats = false;
        }
    }
}

fn errors_out(values: Vec<Value>) -> RedisResult<Vec<Value>> {
    values.into_iter().map(Value::extract_error).collect()
}

enum Remedy {
    None,
    /// The time of the call is over.
    Replace,
    ReplaceAndRepeat,
}

impl Remedy {
    fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::ReplaceAndRepeat,
            _ if error.is_timeout() => Self::Replace,
            _ if error.is_io_error() || error.is_unrecoverable_error() => Self::ReplaceAndRepeat,
            _ => Self::None,
        }
    }
}

impl LinkParts {
    /// Begins to connect at the first poll.
    fn connecting(self: &Arc<Self>) -> Connecting {
        let shared = Arc::clone(self);
        let connect = async move {
            let limit = shared.server.timeouts.connect;
            let mut connection = timeout(limit, shared.server.connect())
                .await
                .map_err(|_| RedisError::from(io::Error::from(io::ErrorKind::TimedOut)))??;
            // One unreachable server of a cluster must not keep the store from the others.
            if !shared.server.is_cluster() {
                shared.check(&mut connection).await?;
            }
            Ok(connection)
        };
        connect.boxed().shared()
    }

    async fn check(&self, connection: &mut SharedConnection) -> Result<(), CallFault> {
        let facts = ServerFacts::of_all(connection).await?;
        match facts
            .iter()
            .find_map(|facts| facts.refusal(self.server.is_cluster()))
        {
            Some(reason) => Err(CallFault::Refused(reason)),
            None => {
                self.judge(&facts);
                Ok(())
            }
        }
    }

    /// Remembers how the servers keep letters, and logs a change.
    fn judge(&self, facts: &[ServerFacts]) -> Durability {
        let durabilities = facts
            .iter()
            .map(|facts| facts.durability(self.server.is_sentinel(), self.acks.is_some()));
        let durability = durabilities.reduce(|one, other| match (one?, other?) {
            (Durability::Always, Durability::Always) => Ok(Durability::Always),
            _ => Ok(Durability::AfterWait),
        });
        let (now, change) = match durability {
            Some(Ok(durability)) => (durability, None),
            Some(Err(change)) => (Durability::None, Some(change)),
            None => (Durability::None, Some("let the user run INFO".to_owned())),
        };
        if self.durability.swap(now as u8, Ordering::Relaxed) != now as u8 {
            match change {
                Some(change) => tracing::warn!(
                    change,
                    "Redis cannot keep dead letters, because a restart or an eviction could lose them"
                ),
                None => tracing::debug!("Redis keeps dead letters"),
            }
        }
        self.keeps_letters
            .fetch_or(now != Durability::None, Ordering::Relaxed);
        now
    }

    /// The commands that wait for the acknowledgement.
    fn waits(&self, confirm: Confirm) -> Vec<Cmd> {
        let mut waits = Vec::new();
        if let Some(acks) = self.acks.filter(|_| confirm != Confirm::Nothing) {
            let within = u64::try_from(acks.within.as_millis()).unwrap_or(u64::MAX);
            waits.push(::redis::cmd("WAIT").arg(acks.replicas).arg(within).to_owned());
        }
        if confirm == Confirm::Disk && self.durability.load(Ordering::Relaxed) == Durability::AfterWait as u8
        {
            // Less than the time limit of the call, so that its answer comes in time.
            let within = u64::try_from(self.server.timeouts.call.as_millis()).unwrap_or(u64::MAX) / 4 * 3;
            waits.push(
                ::redis::cmd("WAITAOF")
                    .arg(1)
                    .arg(0)
                    .arg(within.max(1))
                    .to_owned(),
            );
        }
        waits
    }

    fn is_confirmed(&self, mut waits: impl Iterator<Item = Value>) -> bool {
        let replicas = self.acks.map_or(0, |acks| i64::from(acks.replicas));
        waits.all(|wait| match wait {
            Value::Int(count) => count >= replicas,
            // The first number counts this server.
            Value::Array(counts) => matches!(counts.first(), Some(Value::Int(1..))),
            _ => false,
        })
    }
}

impl ConnectionSlot {
    fn get(&self) -> (u64, Connecting) {
        self.lock().clone()
    }

    /// Connects again, unless another call has done so.
    fn replace(&self, number: u64, shared: &Arc<LinkParts>) {
        let mut current = self.lock();
        if current.0 == number {
            *current = (number + 1, shared.connecting());
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Connecting)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces the connection if its call is dropped after a long wait. The caller's time limit can be
/// shorter than the store's.
struct Watch<'a> {
    slot: &'a ConnectionSlot,
    number: u64,
    shared: &'a Arc<LinkParts>,
    since: Instant,
    armed: bool,
}

impl Watch<'_> {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.armed && self.since.elapsed() >= SLOW {
            self.slot.replace(self.number, self.shared);
        }
    }
}
