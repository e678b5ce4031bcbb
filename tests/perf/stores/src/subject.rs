//! A way to remember events, and how many it handles per second.

use apideck_hooks::store::{Claim, End, Held, Key, Store, Verdict};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(30);

/// Tasks that handle events at once.
pub(crate) const TASKS: [u64; 2] = [1, 64];

/// A key as good as a hash.
pub(crate) fn key(n: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Key::from_bytes(bytes)
}

/// Claims an event and settles it.
pub(crate) trait Handle: Send + Sync + 'static {
    fn handle(&self, n: u64) -> impl Future<Output = ()> + Send;
}

/// A store of ours, with the delivery key or without.
pub(crate) struct Ours<S> {
    pub(crate) store: S,
    pub(crate) delivery: bool,
}

impl<S: Store> Handle for Ours<S> {
    async fn handle(&self, n: u64) {
        // As the receiver has it.
        let store: &dyn Store = &self.store;
        let claim = Claim::new(key(n), self.delivery.then(|| key(!n)), LEASE);
        let claimed = match store.claim_at_once(&claim) {
            Some(claimed) => claimed,
            None => store.claim(claim).await.expect("a claim"),
        };
        let Verdict::Granted { token, .. } = claimed.verdict else {
            panic!("{claimed:?}")
        };
        let held = match store.finish_at_once(claimed.record, token, &End::Done) {
            Some(held) => held,
            None => store
                .finish(claimed.record, token, End::Done)
                .await
                .expect("a finish"),
        };
        assert_eq!(held, Held::Yes);
    }
}

impl<H: Handle> Handle for Arc<H> {
    async fn handle(&self, n: u64) {
        H::handle(self, n).await;
    }
}

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    run: Box<dyn Fn(u64, u64, u64) -> BoxFuture<'static, f64>>,
    /// Events of a measurement with so many tasks.
    events: [u64; 2],
    /// Events per second, a number for each round.
    rates: [Vec<f64>; 2],
}

impl Subject {
    /// One for all rounds.
    pub(crate) fn new(name: &'static str, events: [u64; 2], handle: impl Handle) -> Self {
        let handle = Arc::new(handle);
        Subject::fresh(name, events, move || Arc::clone(&handle))
    }

    /// A new one for each measurement.
    pub(crate) fn fresh<H: Handle>(
        name: &'static str,
        events: [u64; 2],
        make: impl Fn() -> H + 'static,
    ) -> Self {
        Subject {
            name,
            run: Box::new(move |tasks, first, events| Box::pin(rate(Arc::new(make()), tasks, first, events))),
            events,
            rates: Default::default(),
        }
    }

    /// Measures with few tasks and with many; `share` of what is to be measured.
    pub(crate) async fn round(&mut self, round: u64, share: u64) {
        for (n, tasks) in TASKS.into_iter().enumerate() {
            let first = (round * 2 + n as u64) * 10_000_000;
            let events = (self.events[n] / share).max(1);
            self.rates[n].push((self.run)(tasks, first, events).await);
        }
    }

    /// Events per second.
    pub(crate) fn rate(&self, n: usize) -> f64 {
        median(self.rates[n].clone())
    }

    /// How many times as many as another with the same number of tasks: the median of the rounds' ratios.
    pub(crate) fn ratio(&self, other: &Subject, n: usize) -> f64 {
        median_ratio(&self.rates[n], &other.rates[n])
    }

    /// How many times as many with many tasks as with one.
    pub(crate) fn gain(&self) -> f64 {
        median_ratio(&self.rates[1], &self.rates[0])
    }
}

fn median_ratio(one: &[f64], other: &[f64]) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one / other).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn rate<H: Handle>(handle: Arc<H>, tasks: u64, first: u64, events: u64) -> f64 {
    let start = Instant::now();
    let tasks = (0..tasks).map(|task| {
        let handle = Arc::clone(&handle);
        tokio::spawn(async move {
            for n in (first + task..first + events).step_by(tasks as usize) {
                handle.handle(n).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    events as f64 / start.elapsed().as_secs_f64()
}
