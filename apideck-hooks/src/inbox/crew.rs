//! The workers of a process.
//!
//! # How it works
//!
//! One loop fetches and starts runs, each in a task of its own. A fetch takes free slots first and
//! asks for as many records, so each record that is fetched is begun at once. Handlers with a `Tx`
//! are fetched by themselves, because the store has transactions for few of them.
//!
//! The loop fetches again when it was told of news, when a run has ended, when a fetch was full or
//! has failed, and from time to time. A fetch runs in a task that is never cut short, because its
//! claims are granted in the store. If nobody takes its records, they are given back.
//!
//! If the process dies, all leases end. `upkeep` of any process puts such runs back.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::give_back::Claims;
use super::workers::{Order, Workers};
use crate::observe::IncidentKind;
use crate::run::{Phase, Retry, Runner};
use crate::store::{ClaimId, Fetch, Fetched, InboxStore, Recovered, Store, StoreError};

/// The way in which a handler runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Without a transaction.
    Plain,
    /// With a transaction of the store.
    Transactional,
}

/// The handlers for which workers work.
pub(crate) trait Bench: Send + Sync + 'static {
    /// Returns how an event of this name runs. `None` without a handler.
    fn kind(&self, event_type: &str) -> Option<Kind>;

    /// Tells if there is a handler of this kind.
    fn has(&self, kind: Kind) -> bool;

    /// Runs a fetched event, up to the record of its end. The permit is held until then.
    fn run(
        self: Arc<Self>,
        fetched: Fetched,
        lease_end: Instant,
        slot: OwnedSemaphorePermit,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The workers of a process.
pub(crate) struct Crew {
    pub(crate) settings: Workers,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) source: String,
    pub(crate) runner: Arc<Runner>,
    pub(crate) bench: Arc<dyn Bench>,
    pub(crate) lease: Duration,
    pub(crate) store_timeout: Duration,
    pub(crate) phase: watch::Receiver<Phase>,
    /// Number of events that run.
    pub(crate) working: watch::Sender<usize>,
}

/// The handlers of one kind.
struct Desk {
    kind: Kind,
    /// The runs at once. For transactions they are as many as the store has.
    room: Arc<Semaphore>,
    fetch: Option<JoinHandle<Result<Claims, StoreError>>>,
    /// The permits of the fetch that is under way.
    slots: Option<Slots>,
    asked: Instant,
    /// A fetch can find more.
    wanted: bool,
}

struct Slots {
    all: OwnedSemaphorePermit,
    room: OwnedSemaphorePermit,
}

/// Maximum time after which a fetch that failed is repeated. The news that it was for are gone.
const FETCH_AGAIN: Duration = Duration::from_secs(1);
/// Time between two looks for runs without an end.
const RECOVER_EVERY: Duration = Duration::from_secs(10);
/// Time between two looks for events that nobody fetches, and the age of those that are told.
const UNFETCHED_EVERY: Duration = Duration::from_secs(60);
const UNFETCHED_AGE: Duration = Duration::from_secs(10 * 60);

impl Crew {
    /// Works until a shutdown begins, and then until the runs have ended.
    pub(crate) async fn work(self: Arc<Self>) {
        let Some(inbox) = self.store.inbox() else { return };
        let slots = Arc::new(Semaphore::new(self.settings.concurrency as usize));
        let mut desks = self.desks();
        let mut news = inbox.news();
        let mut phase = self.phase.clone();
        let mut draining = pin!(async move {
            // Without a receiver no shutdown can begin.
            if phase.wait_for(|phase| *phase != Phase::Open).await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let mut upkeep = pin!(self.upkeep(inbox));
        let mut runs = JoinSet::new();
        let mut look = pin!(sleep(Duration::ZERO));
        loop {
            for desk in &mut desks {
                self.fetch(desk, &slots);
            }
            // So that neither kind always takes the last slots.
            desks.sort_by_key(|desk| desk.asked);
            let fetched = async {
                let mut fetches = desks.iter_mut().filter(|desk| desk.fetch.is_some());
                match (fetches.next(), fetches.next()) {
                    (Some(one), Some(other)) => tokio::select! {
                        fetched = joined(one) => fetched,
                        fetched = joined(other) => fetched,
                    },
                    (Some(one), None) => joined(one).await,
                    (None, _) => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut draining => break,
                (kind, fetched) = fetched => {
                    if fetched.is_err() {
                        look.set(sleep(jittered(self.settings.poll.min(FETCH_AGAIN))));
                    }
                    if let Some(desk) = desks.iter_mut().find(|desk| desk.kind == kind) {
                        self.start(desk, fetched, &mut runs);
                    }
                }
                Some(_) = runs.join_next() => want(&mut desks),
                Ok(()) = news.changed() => want(&mut desks),
                () = &mut look => {
                    look.set(sleep(jittered(self.settings.poll)));
                    want(&mut desks);
                }
                () = &mut upkeep => {}
            }
        }
        self.drain(desks, runs).await;
    }

    /// Returns a desk for each kind that has room.
    fn desks(&self) -> Vec<Desk> {
        let desk = |kind, room: usize| Desk {
            kind,
            room: Arc::new(Semaphore::new(room)),
            fetch: None,
            slots: None,
            asked: Instant::now(),
            wanted: true,
        };
        let all = self.settings.concurrency as usize;
        let transactions = self
            .store
            .transactions()
            .map(|transactions| transactions.at_once());
        let transactions = transactions.map(|at_once| at_once.map_or(all, |at_once| at_once as usize));
        let kinds = [(Kind::Plain, Some(all)), (Kind::Transactional, transactions)];
        let kinds = kinds.into_iter().filter(|(kind, _)| self.bench.has(*kind));
        kinds
            .filter_map(|(kind, room)| Some(desk(kind, room?.min(all))))
            .collect()
    }

    /// Begins a fetch if one is wanted and there is room.
    fn fetch(&self, desk: &mut Desk, slots: &Arc<Semaphore>) {
        let limit = slots.available_permits().min(desk.room.available_permits());
        if !desk.wanted || desk.fetch.is_some() || limit == 0 {
            return;
        }
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let (Ok(all), Ok(room)) = (
            Arc::clone(slots).try_acquire_many_owned(limit),
            Arc::clone(&desk.room).try_acquire_many_owned(limit),
        ) else {
            return;
        };
        // The store can keep the filter for a moment longer than the workers are there.
        let (bench, kind) = (Arc::downgrade(&self.bench), desk.kind);
        let fetch = Fetch {
            source: self.source.clone(),
            id: ClaimId::random(),
            limit,
            lease: self.lease,
            rests: self.settings.retry.rests(Retry::random()),
            ordered: self.settings.order == Order::PerEntity,
            events: Arc::new(move |name| {
                let bench = bench.upgrade();
                bench.is_some_and(|bench| bench.kind(name) == Some(kind))
            }),
        };
        let store = Arc::clone(&self.store);
        desk.asked = Instant::now();
        desk.wanted = false;
        desk.slots = Some(Slots { all, room });
        desk.fetch = Some(tokio::spawn(async move {
            let Some(inbox) = store.inbox() else {
                return Ok(Claims::new(&store, Vec::new()));
            };
            let fetched = inbox.fetch(&fetch).await?;
            Ok(Claims::new(&store, fetched))
        }));
    }

    /// Starts the runs of a fetch.
    fn start(&self, desk: &mut Desk, fetched: Result<Claims, StoreError>, runs: &mut JoinSet<()>) {
        desk.fetch = None;
        let slots = desk.slots.take();
        let mut claims = match fetched {
            Ok(claims) => claims,
            Err(error) => {
                self.runner.store_failed(&error, None);
                tracing::error!(%error, "accepted events could not be fetched: the call is repeated");
                return;
            }
        };
        let Some(mut slots) = slots else { return };
        // There can be more.
        desk.wanted |= claims.len() >= slots.all.num_permits();
        let lease_end = desk.asked + self.lease;
        while let (Some(all), Some(room)) = (slots.all.split(1), slots.room.split(1)) {
            let Some(claim) = claims.split() else { break };
            let working = Working::begin(&self.working);
            // Read after the run was counted, because a shutdown changes the phase before it waits
            // for the runs. In the other order both could miss each other.
            if *self.phase.borrow() != Phase::Open {
                break;
            }
            let bench = Arc::clone(&self.bench);
            runs.spawn(async move {
                if let Some(fetched) = claim.begin() {
                    bench.run(fetched, lease_end, all).await;
                }
                drop((room, working));
            });
        }
    }

    /// Gives back what was fetched, and waits for the runs. They end by themselves when the grace
    /// period of the shutdown is over.
    async fn drain(&self, desks: Vec<Desk>, mut runs: JoinSet<()>) {
        for fetch in desks.into_iter().filter_map(|desk| desk.fetch) {
            if let Ok(Ok(Ok(claims))) = timeout(self.store_timeout, fetch).await {
                let _ = timeout(self.store_timeout, claims.give_back()).await;
            }
        }
        while runs.join_next().await.is_some() {}
    }

    /// Puts back runs without an end, and tells of events that nobody fetches, for ever.
    async fn upkeep(&self, inbox: &dyn InboxStore) {
        let mut next_look = Instant::now();
        loop {
            self.recover(inbox).await;
            if next_look <= Instant::now() {
                next_look = Instant::now() + jittered(UNFETCHED_EVERY);
                self.tell_unfetched(inbox).await;
            }
            sleep(jittered(RECOVER_EVERY.min(self.lease))).await;
        }
    }

    async fn recover(&self, inbox: &dyn InboxStore) {
        loop {
            let attempts = self.settings.retry.max_attempts();
            let recovered = timeout(self.store_timeout, inbox.recover(&self.source, attempts)).await;
            let Recovered { waiting, dead, cut } = match recovered {
                Ok(Ok(recovered)) => recovered,
                Ok(Err(error)) => {
                    self.runner.store_failed(&error, None);
                    return tracing::warn!(%error, "runs without an end could not be looked for");
                }
                Err(_) => return tracing::warn!("runs without an end could not be looked for in time"),
            };
            match (waiting + dead, cut) {
                (0, 0) => return,
                (0, _) => continue,
                _ => {}
            }
            tracing::warn!(
                waiting,
                dead,
                "runs of workers had no end when their leases ended: their events wait again, or are dead-lettered \
                 after their last attempt"
            );
            for _ in 0..waiting {
                self.runner.incident(IncidentKind::Recovered, None);
            }
            for _ in 0..dead {
                self.runner.incident(IncidentKind::DeadLettered, None);
            }
        }
    }

    async fn tell_unfetched(&self, inbox: &dyn InboxStore) {
        let Ok(Ok(stats)) = timeout(self.store_timeout, inbox.stats(&self.source)).await else {
            return;
        };
        for of in stats.events {
            let old = of.oldest_due.is_some_and(|age| age >= UNFETCHED_AGE);
            if old && self.bench.kind(&of.event_type).is_none() {
                self.runner.incident(IncidentKind::Unfetched, None);
                tracing::error!(
                    event = of.event_type,
                    waiting = of.waiting,
                    "accepted events have waited for ten minutes, and these workers have no handler for them"
                );
            }
        }
    }
}

/// An event that runs.
struct Working(watch::Sender<usize>);

impl Working {
    fn begin(working: &watch::Sender<usize>) -> Self {
        working.send_modify(|count| *count += 1);
        Self(working.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Waits for the fetch of a desk. The future can be dropped, and the fetch goes on.
async fn joined(desk: &mut Desk) -> (Kind, Result<Claims, StoreError>) {
    let Some(fetch) = &mut desk.fetch else {
        return std::future::pending().await;
    };
    let fetched = fetch.await;
    let failed = |_| Err(StoreError::new("the task of a fetch has panicked"));
    (desk.kind, fetched.unwrap_or_else(failed))
}

fn want(desks: &mut [Desk]) {
    for desk in desks {
        desk.wanted = true;
    }
}

/// Returns a time that is up to a fifth shorter or longer.
fn jittered(time: Duration) -> Duration {
    let share = (Retry::random() >> 11) as f64 / (1_u64 << 53) as f64;
    time.mul_f64(0.8 + 0.4 * share)
}
