//! News for workers: an event can be fetched.
//!
//! # How it works
//!
//! Workers of this process watch a number. Those of other processes listen to a channel, and their
//! task changes the number of their process.
//!
//! A `NOTIFY` holds a lock of the whole database over its commit. Inside an acceptance it would let
//! acceptances wait for each other. So a task sends it, after the acceptance and for all of a short
//! time at once. It can be lost with the process, because workers also look from time to time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::call::Call;
use super::connections::Connections;
use super::errors::explain;
use crate::store::StoreError;

/// Shortest time between two messages to other processes.
const PAUSE: Duration = Duration::from_millis(25);

/// Time after which a listener that failed is started again.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct News {
    connections: Connections,
    number: Arc<watch::Sender<u64>>,
    /// There is something to tell other processes.
    pending: Arc<Notify>,
    notifier: OnceLock<Messenger>,
    listener: OnceLock<Messenger>,
}

/// A task that ends when this is dropped.
struct Messenger(AbortHandle);

impl Drop for Messenger {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl News {
    pub(super) fn new(connections: &Connections) -> Self {
        Self {
            connections: connections.clone(),
            number: Arc::new(watch::Sender::new(0)),
            pending: Arc::default(),
            notifier: OnceLock::new(),
            listener: OnceLock::new(),
        }
    }

    /// Tells the workers of this process.
    pub(super) fn tell_here(&self) {
        change(&self.number);
    }

    /// Tells the workers of all processes.
    pub(super) fn tell(&self) {
        self.tell_here();
        self.pending.notify_one();
        if let Ok(runtime) = Handle::try_current() {
            self.notifier.get_or_init(|| {
                let notify = notify(self.connections.clone(), Arc::clone(&self.pending));
                Messenger(runtime.spawn(notify).abort_handle())
            });
        }
    }

    /// Returns the number that changes. From the first call on, other processes are listened to.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        if let Ok(runtime) = Handle::try_current() {
            self.listener.get_or_init(|| {
                let listen = listen(self.connections.clone(), Arc::clone(&self.number));
                Messenger(runtime.spawn(listen).abort_handle())
            });
        }
        self.number.subscribe()
    }
}

fn change(number: &watch::Sender<u64>) {
    number.send_modify(|number| *number = number.wrapping_add(1));
}

async fn notify(connections: Connections, pending: Arc<Notify>) {
    loop {
        pending.notified().await;
        let statements = connections.statements();
        let call = Call::new(&statements.notify).bind(&*statements.channel);
        if let Err(error) = connections.call(call).await {
            tracing::debug!(%error, "workers of other processes could not be told of an event: they find it later");
        }
        sleep(PAUSE).await;
    }
}

async fn listen(connections: Connections, number: Arc<watch::Sender<u64>>) {
    while let Err(error) = listen_once(&connections, &number).await {
        tracing::debug!(%error, "other processes could not be listened to: workers find their events later");
        sleep(LISTEN_AGAIN).await;
    }
}

/// Listens until the connection fails. Returns `Ok` behind a transaction pooler, where nothing can
/// be heard.
async fn listen_once(connections: &Connections, number: &watch::Sender<u64>) -> Result<(), StoreError> {
    if connections.pooled().await? {
        tracing::info!(
            "PostgreSQL is behind a transaction pooler: workers are not woken by events that other processes \
             accept, and find them when they look"
        );
        return Ok(());
    }
    let pool = connections.pool_of_one();
    let mut listener = PgListener::connect_with(&pool).await.map_err(explain)?;
    let channel = &connections.statements().channel;
    listener.listen(channel).await.map_err(explain)?;
    loop {
        // Also at the start and after a lost connection, because something may have been missed.
        change(number);
        listener.try_recv().await.map_err(explain)?;
    }
}
