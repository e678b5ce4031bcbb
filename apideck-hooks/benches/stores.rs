//! Claim and finish per second, of one task and of 64, beside the plainest that could be written by hand.
//!
//! `cargo bench -p apideck-hooks --features sqlite --bench stores`. Rounds are interleaved and medians shown: take the ratios, not
//! the times. Without `--bench` it only shows that it runs.

use apideck_hooks::store::{Claim, Claimed, End, Held, Key, Status, Store, StoreError, Token, Verdict};
use apideck_hooks::{MemoryStore, SqliteStore};
use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(30);

/// One table, one statement and one commit an operation.
struct PlainSqlite(SqlitePool);

impl PlainSqlite {
    async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await.expect("a database");
        sqlx::query("CREATE TABLE events (key BLOB PRIMARY KEY, done INTEGER NOT NULL)")
            .execute(&pool)
            .await
            .expect("a table");
        PlainSqlite(pool)
    }
}

#[async_trait]
impl Store for PlainSqlite {
    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let result = sqlx::query("INSERT INTO events VALUES (?1, 0) ON CONFLICT DO NOTHING")
            .bind(claim.event.to_bytes().to_vec())
            .execute(&self.0)
            .await
            .map_err(StoreError::new)?;
        let verdict = match result.rows_affected() {
            0 => Verdict::Done,
            _ => Verdict::Granted {
                token: Token(1),
                attempt: 1,
            },
        };
        Ok(Claimed {
            record: claim.event,
            verdict,
        })
    }

    async fn renew(&self, _: Key, _: Token, _: Duration) -> Result<Held, StoreError> {
        Ok(Held::Yes)
    }

    async fn finish(&self, record: Key, _: Token, _: End) -> Result<Held, StoreError> {
        sqlx::query("UPDATE events SET done = 1 WHERE key = ?1")
            .bind(record.to_bytes().to_vec())
            .execute(&self.0)
            .await
            .map_err(StoreError::new)?;
        Ok(Held::Yes)
    }

    async fn status(&self, _: Key) -> Result<Status, StoreError> {
        Ok(Status::Absent)
    }
}

/// A key as good as a hash.
fn key(n: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Key::from_bytes(bytes)
}

struct Subject {
    name: &'static str,
    store: Arc<dyn Store>,
    /// Events of a measurement with one task and with 64.
    events: [u64; 2],
    rates: [Vec<f64>; 2],
}

async fn rate(store: &Arc<dyn Store>, tasks: u64, first: u64, events: u64) -> f64 {
    let start = Instant::now();
    let tasks = (0..tasks).map(|task| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for n in (first + task..first + events).step_by(tasks as usize) {
                let claim = Claim::new(key(n), Some(key(!n)), LEASE);
                let claimed = store.claim(claim).await.expect("a claim");
                let Verdict::Granted { token, .. } = claimed.verdict else {
                    panic!("{claimed:?}")
                };
                let held = store.finish(claimed.record, token, End::Done).await;
                assert_eq!(held.expect("a finish"), Held::Yes);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    events as f64 / start.elapsed().as_secs_f64()
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let measure = std::env::args().any(|argument| argument == "--bench");
    let (rounds, share) = if measure { (9, 1) } else { (1, 100) };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stores-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let subject = |name, store, events| Subject {
        name,
        store,
        events,
        rates: Default::default(),
    };
    let sqlite = SqliteStore::open(directory.join("hooks.db"))
        .await
        .expect("a store");
    let plain = PlainSqlite::open(&directory.join("plain.db")).await;
    let mut subjects = [
        subject("memory", Arc::new(MemoryStore::new()), [20_000, 20_000]),
        subject("sqlite", Arc::new(sqlite), [500, 5000]),
        subject("sqlite, by hand", Arc::new(plain), [500, 500]),
    ];
    for round in 0..rounds {
        for subject in &mut subjects {
            for (n, tasks) in [1, 64].into_iter().enumerate() {
                let first = (round * 2 + n as u64) * 1_000_000;
                let rate = rate(&subject.store, tasks, first, subject.events[n] / share).await;
                subject.rates[n].push(rate);
            }
        }
    }
    println!(
        "{:16} {:>10} {:>10}   events a second: claim + finish",
        "store", "1 task", "64 tasks"
    );
    for Subject { name, rates, .. } in &mut subjects {
        let [one, many] = rates.each_mut().map(|rates| median(rates));
        println!("{name:16} {one:10.0} {many:10.0}   {:.1}", many / one);
    }
    drop(subjects);
    let _ = std::fs::remove_dir_all(&directory);
}
