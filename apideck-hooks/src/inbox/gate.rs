//! The gate of the inbox, which is closed while it is full.
//!
//! # How it works
//!
//! The facts are read from the store at most once a second, and only while deliveries come. In
//! between, the gate counts the events that this process accepts. So a delivery costs no count of
//! the backlog, and the limit may be passed by what other processes accept within a second.
//!
//! An event that no worker handles stalls the inbox too, if nothing else comes for long enough.
//! Workers of other events can only show that they run if such an event is accepted. So a stalled
//! inbox accepts a delivery from time to time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::disposition::Why;
use crate::observe::IncidentKind;
use crate::run::Runner;
use crate::store::{Backlog, Store};

/// Time between two looks at the store.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two deliveries that an inbox accepts although it is stalled.
const TRY_EVERY: Duration = Duration::from_secs(60);
/// A look that takes long is repeated more rarely: after this many times its length.
const LOOK_SHARE: u32 = 20;

/// The gate of the inbox.
pub(crate) struct Gate {
    store: Arc<dyn Store>,
    source: String,
    max_waiting: u64,
    stalled_after: Duration,
    store_timeout: Duration,
    runner: Arc<Runner>,
    /// Events that this process has accepted since the last look.
    accepted: AtomicU64,
    looked: Mutex<Looked>,
}

#[derive(Default)]
struct Looked {
    backlog: Backlog,
    /// `None` before the first look.
    next: Option<Instant>,
    looking: bool,
    /// The reason for which the gate was closed last.
    closed: Option<Why>,
    /// The time from which on an inbox that is stalled accepts one delivery.
    next_try: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(
        store: &Arc<dyn Store>,
        source: &str,
        (max_waiting, stalled_after, store_timeout): (u64, Duration, Duration),
        runner: &Arc<Runner>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            source: source.to_owned(),
            max_waiting,
            stalled_after,
            store_timeout,
            runner: Arc::clone(runner),
            accepted: AtomicU64::new(0),
            looked: Mutex::default(),
        })
    }

    /// Returns the reason for which no event is accepted. `None` if the gate is open.
    pub(super) async fn closed(self: &Arc<Self>) -> Option<Why> {
        let first = {
            let mut looked = self.looked();
            let due = looked.next.is_none_or(|next| next <= Instant::now());
            match (due && !looked.looking, looked.next) {
                (false, _) => false,
                (true, next) => {
                    looked.looking = true;
                    if next.is_some() {
                        tokio::spawn(Arc::clone(self).look());
                    }
                    next.is_none()
                }
            }
        };
        if first {
            // In a task, because a dropped look would be the last one.
            let _ = tokio::spawn(Arc::clone(self).look()).await;
        }
        let mut looked = self.looked();
        let closed = self.reason(&looked.backlog);
        let has_room = || {
            let backlog = Backlog {
                stalled: false,
                ..looked.backlog
            };
            self.reason(&backlog).is_none()
        };
        let now = Instant::now();
        let tries = closed.is_some() && has_room() && looked.next_try.is_some_and(|next| next <= now);
        if tries || looked.closed != closed {
            looked.next_try = Some(now + TRY_EVERY.min(self.stalled_after));
        }
        if looked.closed != closed {
            looked.closed = closed;
            drop(looked);
            self.tell(closed);
            return closed;
        }
        closed.filter(|_| !tries)
    }

    /// Counts an event that was accepted.
    pub(super) fn count(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    fn reason(&self, backlog: &Backlog) -> Option<Why> {
        let waiting = backlog
            .waiting
            .saturating_add(self.accepted.load(Ordering::Relaxed));
        if backlog.letters_full {
            Some(Why::LettersFull)
        } else if waiting >= self.max_waiting || backlog.stalled {
            Some(Why::InboxFull)
        } else {
            None
        }
    }

    async fn look(self: Arc<Self>) {
        let begun = Instant::now();
        let before = self.accepted.load(Ordering::Relaxed);
        let backlog = match self.store.inbox() {
            Some(inbox) => {
                let backlog = inbox.backlog(&self.source, self.stalled_after);
                timeout(self.store_timeout, backlog)
                    .await
                    .ok()
                    .and_then(Result::ok)
            }
            None => None,
        };
        let mut looked = self.looked();
        // The old facts stay if the store failed. The acceptance itself meets the failure.
        if let Some(backlog) = backlog {
            looked.backlog = backlog;
            self.accepted.fetch_sub(before, Ordering::Relaxed);
        }
        looked.looking = false;
        looked.next = Some(Instant::now() + LOOK_EVERY.max(begun.elapsed() * LOOK_SHARE));
    }

    fn tell(&self, closed: Option<Why>) {
        match closed {
            Some(Why::LettersFull) => tracing::error!(
                "the store has no room for another dead letter: deliveries are answered 503 until letters are \
                 replayed or purged"
            ),
            Some(_) => tracing::error!(
                max_waiting = self.max_waiting,
                "the inbox is full, or no worker takes events out of it: deliveries are answered 503"
            ),
            None => tracing::info!("the inbox accepts events again"),
        }
        if closed.is_some() {
            self.runner.incident(IncidentKind::InboxClosed, None);
        }
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
