//! An inbox in a SQLite file at 70 % of its peak rate, for as long as wished.
//!
//! 5 % of the events are delivered twice, 10 % fail the first time, and one in ten thousand fails
//! for good. Sender, receiver and workers are one process, so its memory is that of all of them.

use apideck_hooks::signature::Form;
use apideck_hooks::{
    Delivery, Failure, Hooks, Outcome, Permanent, Retry, SqliteInbox, SqliteStore, State, Workers,
    events::ConnectionCreated, on, router,
};
use futures_util::future::join_all;
use hyper::service::Service;
use perf::limits::{Limit, Limits};
use perf::{event, machine};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

use crate::sqlite::Folder;

const FILE: &str = "hooks.db";
/// Part of the peak rate.
const SHARE: f64 = 0.7;
/// Batches of deliveries a second.
const TICKS: u64 = 50;
/// Time for which a record of a handled event is kept, so that the file reaches its size soon.
const RETENTION: Duration = Duration::from_secs(60);
/// Events of the measurement of the peak.
const PEAK: u64 = 20_000;

/// The number of successful runs of each event.
type Runs = Arc<Vec<AtomicU8>>;

#[on("vault.connection.created")]
async fn created(event: ConnectionCreated, delivery: Delivery, State(runs): State<Runs>) -> Outcome {
    let number = event::number(&event.event_id).expect("one of ours");
    match number % 10_000 {
        7 => return Failure::from(Permanent("no use")).into(),
        of if of % 10 == 3 && delivery.attempt() == 1 => return Failure::retry("the first time").into(),
        _ => {}
    }
    runs[number as usize].fetch_add(1, Ordering::Relaxed);
    Outcome::Done
}

/// Size of the memory, of the files, and of the pages in use, in bytes.
///
/// A file never shrinks, so its size tells the longest time for which the machine stood still. The
/// pages in use tell what the store keeps.
#[derive(Clone, Copy, Default)]
struct Sample {
    memory: u64,
    files: u64,
    used: u64,
}

const USED: &str = "SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

impl Sample {
    async fn take(folder: &Path) -> Self {
        let file = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .read_only(true);
        let mut file = file.connect().await.expect("the file");
        let used: i64 = sqlx::query_scalar(USED)
            .fetch_one(&mut file)
            .await
            .expect("its pages");
        file.close().await.expect("an end");
        let files = std::fs::read_dir(folder).expect("the folder");
        let size = |file: std::io::Result<std::fs::DirEntry>| Some(file.ok()?.metadata().ok()?.len());
        Self {
            memory: machine::resident(std::process::id()).expect("Linux"),
            files: files.filter_map(size).sum(),
            used: used.unsigned_abs(),
        }
    }
}

/// Runs for this time, and adds its limits.
pub(crate) async fn measure(time: Duration, limits: &mut Limits) {
    let rate = peak_rate().await;
    let batch = ((rate * SHARE) as u64 / TICKS).max(1);
    println!(
        "Peak: {rate:.0} events per second, accepted and worked off. The soak sends {}.\n",
        batch * TICKS
    );

    let folder = Folder::new();
    let events = batch * TICKS * time.as_secs();
    let receiver = Receiver::new(folder.path(), FILE, events).await;
    let mut samples = Vec::new();
    println!(
        "| minute | events | waiting | memory, MB | files, MB | in use, MB |\n| ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    let begun = Instant::now();
    for tick in 0..events / batch {
        receiver.send(tick * batch, batch).await;
        if tick % (TICKS * 10) == 0 {
            let sample = Sample::take(folder.path()).await;
            samples.push(sample);
            if samples.len() % 6 == 1 {
                let waiting = receiver.hooks.snapshot().await.inbox_waiting.unwrap_or_default();
                println!(
                    "| {} | {} | {waiting} | {:.1} | {:.1} | {:.1} |",
                    samples.len() / 6,
                    tick * batch,
                    sample.memory as f64 / 1e6,
                    sample.files as f64 / 1e6,
                    sample.used as f64 / 1e6
                );
            }
        }
        let next = Duration::from_secs(1) * u32::try_from(tick + 1).expect("few") / TICKS as u32;
        sleep(next.saturating_sub(begun.elapsed())).await;
    }
    let took = begun.elapsed();
    receiver.until_idle().await;
    let stats = receiver.hooks.stats();
    println!(
        "\n{events} events and {} duplicates within {:.0} s: {} handled, {} dead letters, {} failed runs.",
        receiver.duplicates.load(Ordering::Relaxed),
        took.as_secs_f64(),
        stats.runs_handled,
        stats.dead_letters,
        stats.runs_failed
    );
    let faulty = receiver.faulty(events).await;
    limits.check(
        "soak: events lost, repeated or wrongly dead",
        faulty as f64,
        Limit::AtMost(0.0),
    );
    check_growth(&samples, limits);
    receiver.end().await;
}

/// Returns the events per second that are accepted and worked off.
async fn peak_rate() -> f64 {
    let folder = Folder::new();
    let peak = Receiver::new(folder.path(), FILE, PEAK).await;
    let begun = Instant::now();
    peak.send(0, PEAK).await;
    peak.until_idle().await;
    let rate = PEAK as f64 / begun.elapsed().as_secs_f64();
    peak.end().await;
    rate
}

fn check_growth(samples: &[Sample], limits: &mut Limits) {
    let growth = |of: fn(&Sample) -> u64| {
        let mean = |samples: &[Sample]| samples.iter().map(of).sum::<u64>() as f64 / samples.len() as f64;
        let quarter = samples.len() / 4;
        // The first half fills caches, and the file up to the retention.
        (quarter > 0).then(|| mean(&samples[quarter * 3..]) / mean(&samples[quarter * 2..quarter * 3]))
    };
    limits.check(
        "soak: memory of the last quarter ÷ the third",
        growth(|of| of.memory),
        Limit::AtMost(1.05),
    );
    limits.check(
        "soak: pages in use of the last quarter ÷ the third",
        growth(|of| of.used),
        Limit::AtMost(1.05),
    );
    let most = |of: fn(&Sample) -> u64| samples.iter().map(of).max().filter(|most| *most > 0);
    let files = most(|of| of.files).zip(most(|of| of.used));
    limits.check(
        "soak: largest files ÷ most pages in use",
        files.map(|(files, used)| files as f64 / used as f64),
        Limit::AtMost(3.0),
    );
}

struct Receiver {
    hooks: Hooks,
    runs: Runs,
    duplicates: AtomicU64,
    workers: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn new(folder: &Path, file: &str, events: u64) -> Self {
        // Written, so that the memory does not grow by it later. With a known zero the compiler
        // asks the system for zeros, which takes the memory when they are used.
        let runs: Runs = Arc::new((0..events).map(|_| AtomicU8::new(black_box(0))).collect());
        let store = SqliteStore::builder(folder.join(file)).retention(RETENTION);
        let store = store.open().await.expect("a file");
        let hooks = Hooks::builder(router![created, ..])
            .secret(event::SECRET)
            .state(Arc::clone(&runs))
            .inbox(SqliteInbox::new(store));
        let hooks = hooks.build().expect("a receiver");
        let retry = Retry::exponential(Duration::from_millis(500));
        let workers = hooks.workers(Workers::new().concurrency(64).retry(retry));
        Self {
            hooks,
            runs,
            duplicates: AtomicU64::new(0),
            workers: tokio::spawn(async move { workers.await.expect("workers") }),
        }
    }

    /// Delivers events at once, 5 % of them twice: at the same time, or one that came before.
    async fn send(&self, first: u64, events: u64) {
        let deliveries = (first..first + events).map(async |number| {
            self.deliver(number).await;
            let again = match number % 40 {
                0 => number,
                20 => number.saturating_sub(500),
                _ => return,
            };
            self.duplicates.fetch_add(1, Ordering::Relaxed);
            self.deliver(again).await;
        });
        let mut deliveries: Vec<_> = deliveries.collect();
        while !deliveries.is_empty() {
            let left = deliveries.split_off(deliveries.len().min(64));
            join_all(std::mem::replace(&mut deliveries, left)).await;
        }
    }

    async fn deliver(&self, number: u64) {
        let response = self.hooks.call(event::request(number, Form::Raw)).await;
        assert_eq!(response.expect("it cannot fail").status(), 200);
    }

    async fn until_idle(&self) {
        while self.hooks.snapshot().await.inbox_waiting != Some(0) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the number of events that were not handled once, or have no dead letter.
    async fn faulty(&self, events: u64) -> u64 {
        let wrong = |number: &u64| {
            let wanted = u8::from(number % 10_000 != 7);
            self.runs[*number as usize].load(Ordering::Relaxed) != wanted
        };
        let dead = (0..events).filter(|number| number % 10_000 == 7).count() as u64;
        let letters = self.hooks.snapshot().await.dead_letters.unwrap_or_default();
        (0..events).filter(wrong).count() as u64 + letters.abs_diff(dead)
    }

    async fn end(self) {
        self.hooks.shutdown(Duration::from_secs(30)).await;
        self.workers.await.expect("no panic");
    }
}
