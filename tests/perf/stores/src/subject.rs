//! A way to remember events, and its rate.

use apideck_hooks::store::{End, Grant, Held, Store, Verdict};
use futures_util::future::BoxFuture;
use perf::statistics::{median, ratios};
use perf::store::{claim, key};
use std::sync::Arc;
use std::time::Instant;

/// The numbers of tasks that a rate is measured with.
pub(crate) const TASKS: [u64; 2] = [1, 64];

/// Claims an event and finishes it.
pub(crate) trait Remember: Send + Sync + 'static {
    fn remember(&self, n: u64) -> impl Future<Output = ()> + Send;
}

/// A store of this project.
pub(crate) struct Ours<S> {
    pub(crate) store: S,
    pub(crate) keys: Keys,
}

/// The keys of a claim.
#[derive(Clone, Copy)]
pub(crate) enum Keys {
    Event,
    EventAndDelivery,
}

impl<S: Store> Remember for Ours<S> {
    async fn remember(&self, n: u64) {
        // As the receiver calls it.
        let store: &dyn Store = &self.store;
        let delivery = match self.keys {
            Keys::Event => None,
            Keys::EventAndDelivery => Some(key(!n)),
        };
        let claim = claim(n, delivery);
        let id = claim.id;
        let claimed = match store.claim_at_once(&claim) {
            Some(claimed) => claimed,
            None => store.claim(claim).await.expect("a claim"),
        };
        let Verdict::Granted { token, .. } = claimed.verdict else {
            panic!("{claimed:?}")
        };
        let grant = Grant::new(claimed.record, token, id);
        let held = match store.finish_at_once(grant, &End::Done) {
            Some(held) => held,
            None => store.finish(grant, End::Done).await.expect("a finish"),
        };
        assert_eq!(held, Held::Yes);
    }
}

impl<R: Remember> Remember for Arc<R> {
    async fn remember(&self, n: u64) {
        R::remember(self, n).await;
    }
}

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Measures a rate with these tasks, from the event of this number on, over this many events.
    run: Box<dyn Fn(u64, u64, u64) -> BoxFuture<'static, f64>>,
    /// The events of a measurement with each number of tasks.
    events: [u64; 2],
    /// The rates of all rounds, with each number of tasks.
    rates: [Vec<f64>; 2],
}

impl Subject {
    /// Measures the same store in all rounds.
    pub(crate) fn new(name: &'static str, events: [u64; 2], remember: impl Remember) -> Self {
        let remember = Arc::new(remember);
        Self::fresh(name, events, move || Arc::clone(&remember))
    }

    /// Measures a new store in each round.
    pub(crate) fn fresh<R: Remember>(
        name: &'static str,
        events: [u64; 2],
        make: impl Fn() -> R + 'static,
    ) -> Self {
        Self {
            name,
            run: Box::new(move |tasks, first, events| Box::pin(rate(Arc::new(make()), tasks, first, events))),
            events,
            rates: Default::default(),
        }
    }

    /// Measures with each number of tasks. `share` divides the number of events.
    pub(crate) async fn round(&mut self, round: u64, share: u64) {
        for (at, tasks) in TASKS.into_iter().enumerate() {
            let first = (round * 2 + at as u64) * 10_000_000;
            let events = (self.events[at] / share).max(1);
            self.rates[at].push((self.run)(tasks, first, events).await);
        }
    }

    /// The median of the rates, in events per second.
    pub(crate) fn rate(&self, tasks: usize) -> f64 {
        median(&self.rates[tasks])
    }

    /// The rate divided by another one: the median of the rounds.
    pub(crate) fn ratio(&self, other: &Subject, tasks: usize) -> f64 {
        median(&ratios(&self.rates[tasks], &other.rates[tasks]))
    }
}

async fn rate<R: Remember>(remember: Arc<R>, tasks: u64, first: u64, events: u64) -> f64 {
    let start = Instant::now();
    let tasks = (0..tasks).map(|task| {
        let remember = Arc::clone(&remember);
        tokio::spawn(async move {
            for n in (first + task..first + events).step_by(tasks as usize) {
                remember.remember(n).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    events as f64 / start.elapsed().as_secs_f64()
}
