//! The way to Redis: connections that are made again when they break, and calls that end.
//!
//! Not redis's `ConnectionManager`: it keeps a connection on which answers no longer come, and knows neither Sentinel nor
//! Cluster. One way for all three is less.

use super::scripts::Step;
use super::server::{Connection, Server};
use crate::store::StoreError;
use ::redis::{ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

/// How many replicas must have a write, and how long is waited for them.
#[derive(Clone, Copy)]
pub(super) struct Acks {
    pub(super) replicas: u32,
    pub(super) within: Duration,
}

/// What came back.
pub(super) struct Reply {
    /// An answer for each step.
    pub(super) values: Vec<Value>,
    /// Whether enough replicas have what the first step wrote.
    pub(super) kept: bool,
    /// Whether it was sent before, without an answer.
    pub(super) again: bool,
}

/// What is sent.
#[derive(Clone, Copy)]
enum Request<'a> {
    Steps(&'a [Step]),
    Plain(&'a Pipeline),
}

/// Why nothing came back.
#[derive(Clone)]
pub(super) struct Fault(RedisError);

impl Fault {
    /// There is no memory for a write.
    pub(super) fn is_full(&self) -> bool {
        self.0.code() == Some("OOM")
    }

    pub(super) fn io(error: io::Error) -> Self {
        Fault(error.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        StoreError::new(fault.0)
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        Fault(error)
    }
}

/// Connections that calls take in turn.
pub(super) struct Link {
    lanes: Box<[Arc<Lane>]>,
    next: AtomicUsize,
    acks: Option<Acks>,
}

/// One connection, or its place.
struct Lane {
    server: Arc<Server>,
    now: Mutex<Now>,
    /// Who connects, for all.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Now {
    connection: Option<Connection>,
    /// Which connection it is: who has seen one break must not give up its successor.
    generation: u64,
    failed: Option<(Instant, RedisError)>,
}

/// `WAIT` holds up all that comes after it on its connection.
const LANES_FOR_ACKS: usize = 8;
/// How long a failure to connect answers for those who come after: many calls at once must not queue for one try each.
const FAILED_FOR: Duration = Duration::from_millis(100);
/// A call that was given up sooner says nothing about its connection.
const SLOW: Duration = Duration::from_millis(100);

impl Link {
    pub(super) fn new(server: Server, acks: Option<Acks>) -> Self {
        let server = Arc::new(server);
        let lane = |_| {
            Arc::new(Lane {
                server: Arc::clone(&server),
                now: Mutex::default(),
                connecting: tokio::sync::Mutex::default(),
            })
        };
        let lanes = if acks.is_some() { LANES_FOR_ACKS } else { 1 };
        Link {
            lanes: (0..lanes).map(lane).collect(),
            next: AtomicUsize::new(0),
            acks,
        }
    }

    /// How long a call may take.
    pub(super) fn patience(&self) -> Duration {
        let patience = self.lanes[0].server.patience();
        patience.connect + patience.call
    }

    /// Whether one request may be for several records, on whichever keys.
    pub(super) fn takes_many(&self) -> bool {
        self.acks.is_none() && self.lanes[0].server.is_one()
    }

    /// A connection, for what is no [`Step`].
    pub(super) async fn connection(&self) -> Result<Connection, StoreError> {
        let connection = self.lanes[0].connection().await;
        Ok(connection.map_err(StoreError::new)?.1)
    }

    /// Carries out the steps in their order, and again from the first when the connection breaks. With `acked`, waits
    /// for the replicas that the user wants to have what the first one wrote.
    pub(super) async fn send(&self, steps: &[Step], acked: bool) -> Result<Reply, Fault> {
        self.send_request(Request::Steps(steps), acked).await
    }

    /// Sends the commands at once, and again when the connection breaks: an answer for each, an error of the server among them.
    pub(super) async fn send_plain(&self, commands: &Pipeline) -> Result<Reply, Fault> {
        self.send_request(Request::Plain(commands), false).await
    }

    async fn send_request(&self, request: Request<'_>, acked: bool) -> Result<Reply, Fault> {
        // Outside of a runtime nothing can be waited for; a guard that is dropped there asks all the same.
        Handle::try_current().map_err(|error| Fault::io(io::Error::other(error)))?;
        let lane = &self.lanes[self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len()];
        let acks = self.acks.filter(|_| acked);
        let (mut in_full, mut again) = (false, true);
        loop {
            let (generation, mut connection) = lane.connection().await?;
            let watch = Watch::new(lane, generation);
            let result = match request {
                Request::Steps(steps) => carry_out(&mut connection, steps, in_full, acks).await,
                Request::Plain(commands) => carry_out_plain(&mut connection, commands).await,
            };
            watch.answered();
            let error = match result {
                Ok(reply) => {
                    return Ok(Reply {
                        again: !again,
                        ..reply
                    });
                }
                Err(error) => error,
            };
            match Remedy::for_error(&error) {
                Remedy::InFull if !in_full => in_full = true,
                Remedy::Reconnect if again => {
                    lane.retire(generation);
                    again = false;
                }
                Remedy::Reconnect | Remedy::GiveUp => {
                    lane.retire(generation);
                    return Err(error.into());
                }
                Remedy::InFull | Remedy::None => return Err(error.into()),
            }
        }
    }
}

async fn carry_out(
    connection: &mut Connection,
    steps: &[Step],
    in_full: bool,
    acks: Option<Acks>,
) -> RedisResult<Reply> {
    if let ([step], None, false) = (steps, acks, in_full)
        && connection.has_one_server()
    {
        let value = connection.ask(step.command_ref()).await?;
        return Ok(Reply {
            values: vec![value.extract_error()?],
            kept: true,
            again: false,
        });
    }
    let wait = acks.map(|acks| {
        let within = acks.within.as_millis() as u64;
        ::redis::cmd("WAIT").arg(acks.replicas).arg(within).to_owned()
    });
    let mut values = Vec::with_capacity(steps.len() + 1);
    if connection.has_one_server() {
        let mut commands: Vec<_> = steps.iter().map(|step| step.build(in_full)).collect();
        commands.extend(wait.clone());
        let key = steps.first().map_or(&[][..], |step| &step.key);
        values = connection.send(key, commands).await?;
    } else {
        // The order of two keys is only kept by waiting for the first.
        let mut wait = wait.clone();
        for step in steps {
            let mut commands = vec![step.build(in_full)];
            commands.extend(wait.take());
            for value in connection.send(&step.key, commands).await? {
                values.push(value.extract_error()?);
            }
        }
        if acks.is_some() && values.len() > 1 {
            // As with one server: the answer to `WAIT` is the last.
            values[1..].rotate_left(1);
        }
    }
    let mut values = values
        .into_iter()
        .map(Value::extract_error)
        .collect::<RedisResult<Vec<_>>>()?;
    let kept = match acks {
        Some(acks) => matches!(values.pop(), Some(Value::Int(count)) if count >= i64::from(acks.replicas)),
        None => true,
    };
    Ok(Reply {
        values,
        kept,
        again: false,
    })
}

async fn carry_out_plain(connection: &mut Connection, commands: &Pipeline) -> RedisResult<Reply> {
    let values = connection.send_plain(commands).await?;
    for value in &values {
        // Other errors are of one call.
        if let Value::ServerError(error) = value
            && error.kind() == Some(ServerErrorKind::ReadOnly)
        {
            value.clone().extract_error()?;
        }
    }
    Ok(Reply {
        values,
        kept: true,
        again: false,
    })
}

/// What helps against an error.
enum Remedy {
    /// The script is not known there.
    InFull,
    /// Another connection, perhaps to another server.
    Reconnect,
    /// The same for the next call; this one has taken long enough.
    GiveUp,
    None,
}

impl Remedy {
    fn for_error(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Remedy::InFull,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Remedy::Reconnect,
            _ if error.is_timeout() => Remedy::GiveUp,
            _ if error.is_io_error() || error.is_unrecoverable_error() => Remedy::Reconnect,
            _ => Remedy::None,
        }
    }
}

impl Lane {
    /// The connection and its generation.
    async fn connection(self: &Arc<Self>) -> RedisResult<(u64, Connection)> {
        if let Some(found) = self.found() {
            return found;
        }
        let lane = Arc::clone(self);
        // In a task of its own: those who wait may be impatient, the next one still finds the connection.
        let connecting = tokio::spawn(async move {
            let _turn = lane.connecting.lock().await;
            if let Some(found) = lane.found() {
                return found;
            }
            let limit = lane.server.patience().connect;
            let connected = match timeout(limit, lane.server.connect()).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            };
            lane.connected(connected)
        });
        connecting.await.map_err(io::Error::other)?
    }

    fn found(&self) -> Option<RedisResult<(u64, Connection)>> {
        let now = self.now();
        if let Some(connection) = &now.connection {
            return Some(Ok((now.generation, connection.clone())));
        }
        let (at, error) = now.failed.as_ref()?;
        (at.elapsed() < FAILED_FOR).then(|| Err(error.clone()))
    }

    fn connected(&self, connected: RedisResult<Connection>) -> RedisResult<(u64, Connection)> {
        let mut now = self.now();
        match connected {
            Ok(connection) => {
                now.failed = None;
                now.generation += 1;
                now.connection = Some(connection.clone());
                Ok((now.generation, connection))
            }
            Err(error) => {
                now.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Gives the connection up, unless that was done before.
    fn retire(&self, generation: u64) {
        let mut now = self.now();
        if now.generation == generation {
            now.connection = None;
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the connection up if its call is dropped after waiting in vain.
struct Watch<'a> {
    lane: &'a Lane,
    generation: u64,
    since: Instant,
    waiting: bool,
}

impl<'a> Watch<'a> {
    fn new(lane: &'a Lane, generation: u64) -> Self {
        Watch {
            lane,
            generation,
            since: Instant::now(),
            waiting: true,
        }
    }

    fn answered(mut self) {
        self.waiting = false;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.waiting && self.since.elapsed() >= SLOW {
            self.lane.retire(self.generation);
        }
    }
}
