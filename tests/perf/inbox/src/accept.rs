//! Acceptances at 64 connections, beside one committed insert of the same bytes.

use crate::database::{self, SOURCE, clean, execute, store};
use apideck_hooks::PostgresStore;
use apideck_hooks::store::{AcceptVerdict, Acceptance, DeadLetter, InboxStore};
use futures_util::future::join_all;
use perf::event;
use perf::store::key;
use sqlx::PgPool;
use std::time::{Duration, Instant};

const CONNECTIONS: u32 = 64;

/// Events before each measurement, which open the connections.
const WARM_UP: u64 = 256;

/// Returns the median of the time of acceptances divided by that of plain inserts.
///
/// Each way has all its connections only while it is measured, because a server has few.
pub(crate) async fn measure(rounds: u64, events: u64) -> Option<f64> {
    let pool = database::pool(1).await?;
    clean(&pool).await;
    execute(
        &pool,
        "CREATE TABLE plain (key bytea PRIMARY KEY, body bytea NOT NULL)",
    )
    .await;
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let first = round * (WARM_UP + events);
        let many = database::pool(CONNECTIONS).await?;
        timed(first, WARM_UP, async |n| insert(&many, n).await).await;
        let plain = timed(first + WARM_UP, events, async |n| insert(&many, n).await).await;
        many.close().await;
        let store = store(&pool, CONNECTIONS);
        timed(first, WARM_UP, async |n| accept(&store, n).await).await;
        let ours = timed(first + WARM_UP, events, async |n| accept(&store, n).await).await;
        drop(store);
        let rate = |time: Duration| events as f64 / time.as_secs_f64();
        println!("| {round} | {:.0} | {:.0} |", rate(plain), rate(ours));
        ratios.push(ours.as_secs_f64() / plain.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    Some(ratios[ratios.len() / 2])
}

async fn timed(first: u64, events: u64, one: impl AsyncFn(u64)) -> Duration {
    let begun = Instant::now();
    let lanes = u64::from(CONNECTIONS);
    let tasks = (0..lanes).map(async |lane| {
        for n in (lane..events).step_by(CONNECTIONS as usize) {
            one(first + n).await;
        }
    });
    join_all(tasks).await;
    begun.elapsed()
}

async fn insert(pool: &PgPool, n: u64) {
    let insert = sqlx::query("INSERT INTO plain VALUES ($1, $2)").bind(key(n).to_bytes());
    insert
        .bind(event::body(n).into_bytes())
        .execute(pool)
        .await
        .expect("a row");
}

async fn accept(store: &PostgresStore, n: u64) {
    let id = format!("{}{n:012x}", event::ID);
    let kept = DeadLetter::new(SOURCE, event::body(n)).event(event::EVENT_TYPE, &id, &id, "consumer");
    let mut acceptance = Acceptance::new(key(n), kept);
    acceptance.alias = Some(key(!n));
    acceptance.lane = Some(key(n / 2));
    acceptance.idempotency_key = Some(format!("{}{n:012x}", event::KEY));
    let accepted = store.accept(acceptance).await.expect("an answer");
    assert_eq!(accepted.verdict, AcceptVerdict::Yes { new: true });
}
