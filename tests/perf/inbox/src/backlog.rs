//! A backlog that four processes work off, beside a loop by hand: fetch one, run it, mark it.

use crate::database::{SOURCE, clean, execute, inbox, number, pool};
use apideck_hooks::signature::Form;
use apideck_hooks::{
    Delivery, Failure, Hooks, Outcome, Permanent, Retry, Workers, events::ConnectionCreated, on, router,
};
use futures_util::future::join_all;
use hyper::service::Service;
use perf::event;
use sqlx::{PgPool, Row};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::sleep;

const PROCESSES: usize = 4;
const CONCURRENCY: u32 = 16;
const CONNECTIONS: u32 = 4;

/// Of a hundred events two fail for good, and ten fail once.
fn outcome(n: u64, attempt: u32) -> Outcome {
    match n % 100 {
        0 | 1 => Failure::from(Permanent("no use")).into(),
        2..12 if attempt == 1 => Failure::retry("later").into(),
        _ => Outcome::Done,
    }
}

/// The times from acceptance to begin, in buckets of a millisecond.
static WAITS: [AtomicU64; 4096] = [const { AtomicU64::new(0) }; 4096];

#[on("vault.connection.created")]
async fn created(event: ConnectionCreated, delivery: Delivery) -> Outcome {
    let waited = SystemTime::now()
        .duration_since(delivery.received_at())
        .unwrap_or_default();
    if delivery.attempt() == 1 {
        let bucket = usize::try_from(waited.as_millis()).unwrap_or(usize::MAX);
        WAITS[bucket.min(WAITS.len() - 1)].fetch_add(1, Ordering::Relaxed);
    }
    outcome(
        event::number(&event.event_id).expect("one of ours"),
        delivery.attempt(),
    )
}

fn hooks(pool: &PgPool, connections: u32) -> Hooks {
    let hooks = Hooks::builder(router![created, ..])
        .secret(event::SECRET)
        .source(SOURCE);
    let hooks = hooks.inbox(inbox(pool, connections)).max_waiting(u64::MAX);
    hooks.build().expect("a receiver")
}

/// A process of workers. It ends when its standard input does, and prints how long events waited.
pub(crate) async fn work() {
    let pool = pool(2).await.expect("the server");
    let hooks = hooks(&pool, CONNECTIONS);
    let retry = Retry::exponential(Duration::from_millis(1)).attempts(3);
    let workers = Workers::new().concurrency(CONCURRENCY).retry(retry);
    let stop = async {
        let _ = tokio::io::stdin().read_u8().await;
        hooks.shutdown(Duration::from_secs(30)).await;
    };
    let (worked, ()) = tokio::join!(hooks.workers(workers), stop);
    worked.expect("workers");
    let waits = WAITS
        .iter()
        .map(|bucket| bucket.load(Ordering::Relaxed).to_string());
    println!("{}", waits.collect::<Vec<_>>().join(" "));
}

/// A process of the loop by hand.
pub(crate) async fn work_by_hand() {
    let pool = pool(CONNECTIONS).await.expect("the server");
    let stop = async {
        let _ = tokio::io::stdin().read_u8().await;
    };
    let loops = join_all((0..CONCURRENCY).map(|_| loop_by_hand(&pool)));
    tokio::select! { _ = loops => {}, () = stop => {} }
}

async fn loop_by_hand(pool: &PgPool) {
    loop {
        let fetch = "UPDATE jobs SET state = 1, attempts = attempts + 1 WHERE id = (
                SELECT id FROM jobs WHERE state = 0 AND due <= now() ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING id, number, attempts, body";
        let Some(row) = sqlx::query(fetch).fetch_optional(pool).await.expect("a fetch") else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (id, n, attempts): (i64, i64, i32) = (row.get(0), row.get(1), row.get(2));
        let _body: Vec<u8> = row.get(3);
        let mark = match outcome(n.unsigned_abs(), attempts.unsigned_abs()) {
            Outcome::Done => "UPDATE jobs SET state = 2, body = NULL WHERE id = $1",
            Outcome::Retry(_) => "UPDATE jobs SET state = 0, due = now() WHERE id = $1",
            _ => "UPDATE jobs SET state = 3 WHERE id = $1",
        };
        sqlx::query(mark).bind(id).execute(pool).await.expect("a mark");
    }
}

fn start(role: &str) -> Vec<Child> {
    let program = std::env::current_exe().expect("this program");
    let start = |_| {
        let mut command = Command::new(&program);
        command
            .env("PERF_INBOX_ROLE", role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command.kill_on_drop(true).spawn().expect("a process")
    };
    (0..PROCESSES).map(start).collect()
}

/// Ends the processes, and returns the percentile of the times that events waited.
async fn end(processes: Vec<Child>, percentile: f64) -> Option<usize> {
    let mut waits = vec![0_u64; WAITS.len()];
    for mut process in processes {
        drop(process.stdin.take());
        let output = process.wait_with_output().await.expect("its end");
        let text = String::from_utf8(output.stdout).expect("text");
        for (sum, count) in waits.iter_mut().zip(text.split_whitespace()) {
            *sum += count.parse::<u64>().expect("a number");
        }
    }
    let all: u64 = waits.iter().sum();
    let below = waits.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    let wanted = (all as f64 * percentile) as u64;
    below.enumerate().find(|(_, sum)| *sum > wanted).map(|(at, _)| at)
}

async fn send(hooks: &Hooks, first: u64, events: u64) {
    let tasks = (0..64).map(async |task| {
        for n in (task..events).step_by(64) {
            // 5 % are sent twice.
            for _ in 0..if n % 20 == 0 { 2 } else { 1 } {
                let response = hooks.call(event::request(first + n, Form::Raw)).await;
                assert_eq!(response.expect("it cannot fail").status(), 200);
            }
        }
    });
    join_all(tasks).await;
}

const LEFT: &str = "SELECT count(*) FROM (SELECT FROM records WHERE due IS NOT NULL LIMIT 1) left_over";
const LEFT_BY_HAND: &str = "SELECT count(*) FROM (SELECT FROM jobs WHERE state < 2 LIMIT 1) left_over";

async fn drain(pool: &PgPool, role: &str, left: &'static str, events: u64) -> f64 {
    let begun = Instant::now();
    let processes = start(role);
    while number(pool, left).await > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    let rate = events as f64 / begun.elapsed().as_secs_f64();
    end(processes, 0.99).await;
    rate
}

/// Returns the events per second of the workers, and of the loop by hand.
pub(crate) async fn measure(pool: &PgPool, events: u64) -> [f64; 2] {
    let by_hand = async {
        clean(pool).await;
        execute(
            pool,
            "CREATE TABLE jobs (id bigserial PRIMARY KEY, number bigint NOT NULL, body bytea, state smallint NOT NULL,
                attempts integer NOT NULL, due timestamptz NOT NULL) WITH (fillfactor = 70);
            CREATE INDEX ON jobs (due) WHERE state = 0;",
        )
        .await;
        let insert = "INSERT INTO jobs (number, body, state, attempts, due) SELECT n, $2, 0, 0, now()
            FROM generate_series(0, $1 - 1) n";
        let insert = sqlx::query(insert)
            .bind(events as i64)
            .bind(event::body(0).into_bytes());
        insert.execute(pool).await.expect("rows");
        drain(pool, "by hand", LEFT_BY_HAND, events).await
    };
    let by_hand = by_hand.await;
    clean(pool).await;
    let hooks = hooks(pool, 32);
    let begun = Instant::now();
    send(&hooks, 0, events).await;
    let accepted = events as f64 / begun.elapsed().as_secs_f64();
    let rate = drain(pool, "workers", LEFT, events).await;
    println!("| workers | {accepted:.0} | {rate:.0} | {:.2} |", rate / by_hand);
    let done = number(
        pool,
        "SELECT count(*) FROM records WHERE phase = 1 AND body IS NULL",
    )
    .await;
    let dead = number(pool, "SELECT count(*) FROM records WHERE dead_at IS NOT NULL").await;
    assert_eq!((done as u64, dead as u64), (events * 98 / 100, events * 2 / 100));
    [rate, by_hand]
}

/// Sends this many events a second, and returns the 99th percentile of the milliseconds from
/// acceptance to begin.
pub(crate) async fn latency(pool: &PgPool, rate: u64, seconds: u64) -> Option<usize> {
    clean(pool).await;
    let hooks = hooks(pool, 16);
    let processes = start("workers");
    // The first of them make connections.
    send(&hooks, 0, 100).await;
    let begun = Instant::now();
    for tick in 0..seconds * 50 {
        let first = 100 + tick * rate / 50;
        send(&hooks, first, rate / 50).await;
        let next = Duration::from_millis(20) * u32::try_from(tick + 1).expect("few");
        sleep(next.saturating_sub(begun.elapsed())).await;
    }
    while number(pool, LEFT).await > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    end(processes, 0.99).await
}
